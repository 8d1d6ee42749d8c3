import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canMakeWorlds } from '../netns/can-make-worlds.ts';
import { until } from './until.ts';

const possible = await canMakeWorlds();
const root = join(import.meta.dirname, '../..');

if (possible.ok) describe('npm run cluster', shells);
else it('npm run cluster', (context) => context.skip(possible.reason));

interface Run {
  readonly child: ChildProcessWithoutNullStreams;
  readonly said: { stdout: string; stderr: string };
  readonly exitCode: Promise<number | null>;
  /** Processes of it that are there now. */
  processes(): Promise<readonly string[]>;
}

function shells(): void {
  it('runs a command with kubectl and its own commands, ends with its code, and leaves nothing', async () => {
    const run = start(
      [
        'kubectl get deployment web --output name',
        'from client curl --silent 198.51.100.1',
        "from client curl --silent 'http://[2001:db8:100::1]/'",
        'from node-2 curl --silent 172.30.0.80',
        'on node-1 nodeplane diff',
        'agent pause node-3',
        'kubectl create service clusterip quiet --tcp=80 --clusterip=172.30.0.81',
        'sleep 1; on node-3 nodeplane diff; echo "differs: $?"',
        'agent resume node-3; until on node-3 nodeplane diff; do sleep 0.2; done',
        'on node-1 nodeplane check --kube-proxy ignore; echo "checked: $?"',
        'test -d "$KUBECACHEDIR/discovery" && echo "$KUBECACHEDIR"',
        'on node-9 true; echo "wrong: $?"',
        'exit 7',
      ].join('\n'),
    );
    expect(await run.exitCode, run.said.stderr).toBe(7);
    const { stdout, stderr } = run.said;
    for (const expected of [
      /^deployment.apps\/web$/m,
      /^web-\S+: GET \/ from 203\.0\.113\.10$/m,
      /^web-\S+: GET \/ from 2001:db8:113::10$/m,
      // One of the node's addresses: that on the link to its own Pod, or that which other nodes see.
      /^web-\S+: GET \/ from (10\.244\.2\.1|192\.168\.60\.12)$/m,
      /^nothing to change\n/m,
      /default\/quiet.*^differs: 1$/ms,
      /^differs: 1$.*^nothing to change\n/ms,
      /^checked: 0\n\/proc\/\d+\/root\/run\/shell\/kube-cache\nwrong: 2\n$/m,
    ]) {
      expect(stdout).toMatch(expected);
    }
    expect(stderr).toMatch(/starting etcd.*the cluster is there.*no such node: node-9/s);
    expect(await run.processes()).toEqual([]);
  });

  it('opens a shell to type in, whose end by a signal leaves nothing', async () => {
    const run = start();
    try {
      run.child.stdin.write('cluster-help\nkubectl get nodes --output name\n');
      run.child.stdin.write(
        'agent pause node-1; agent stop node-2; (agent log node-2; echo done) | tail -n 1\n',
      );
      await untilSaid(run, 'stdout', /to see a change.*^node\/node-3$.*^done$/ims);
    } finally {
      run.child.kill('SIGTERM');
    }
    expect(await run.exitCode, run.said.stderr).toBe(143);
    await untilGone(run);
  });

  it('leaves nothing when it is interrupted while it starts', async () => {
    const run = start('true');
    try {
      await untilSaid(run, 'stderr', /starting etcd.*… starting/s);
      expect((await run.processes()).length).toBeGreaterThan(3);
    } finally {
      run.child.kill('SIGINT');
    }
    expect(await run.exitCode, run.said.stderr).toBe(130);
    await untilGone(run);
  });
}

function untilSaid({ said }: Run, output: 'stdout' | 'stderr', expected: RegExp): Promise<void> {
  const what = () => `${expected}: ${said.stdout}${said.stderr}`;
  return until(what, 90_000, async () => expected.test(said[output]));
}

function untilGone(run: Run): Promise<void> {
  return until(
    () => 'all processes are gone',
    10_000,
    async () => (await run.processes()).length === 0,
  );
}

/** Each process it starts has a mark in its environment. Without a command it is a shell that reads its standard input. */
function start(command?: string): Run {
  const mark = `NODEPLANE_TEST_RUN=${randomUUID()}`;
  const [name = '', value] = mark.split('=');
  const script = join(root, 'scripts/cluster.mts');
  const asked = command === undefined ? [] : ['--command', command];
  const args = ['--import', 'tsx', script, '--no-build', ...asked];
  const env = { ...process.env, NODE_OPTIONS: '', [name]: value };
  const child = spawn(process.execPath, args, { cwd: root, env });
  const said = { stdout: '', stderr: '' };
  for (const output of ['stdout', 'stderr'] as const) {
    child[output].setEncoding('utf8').on('data', (text: string) => {
      said[output] += text;
    });
  }
  const exitCode = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, said, exitCode, processes: () => processesWith(mark) };
}

async function processesWith(mark: string): Promise<readonly string[]> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = numbers.map(async (number) => {
    const read = (file: string) => readFile(`/proc/${number}/${file}`, 'utf8').catch(() => '');
    return (await read('environ')).includes(mark) ? [await read('cmdline')] : [];
  });
  return (await Promise.all(found)).flat();
}
