import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProcesses } from './find-processes.ts';

let proc = '';
beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'np-processes-'));
  await process('self', { comm: 'node', argv: ['node'] });
});
afterEach(() => rm(proc, { recursive: true }));

interface Scene {
  readonly comm: string;
  readonly argv?: readonly string[];
  /** Undefined: the link cannot be read, as that of a zombie. */
  readonly namespace?: string | undefined;
}

async function process(id: string, { comm, argv = [comm], ...rest }: Scene): Promise<void> {
  const namespace = 'namespace' in rest ? rest.namespace : 'net:[1]';
  await mkdir(join(proc, id, 'ns'), { recursive: true });
  await writeFile(join(proc, id, 'comm'), `${comm}\n`);
  await writeFile(join(proc, id, 'cmdline'), argv.map((word) => `${word}\0`).join(''));
  if (namespace !== undefined) await symlink(namespace, join(proc, id, 'ns/net'));
}

describe('processes by name', () => {
  it('are those of our network namespace that stay', async () => {
    await process('30', { comm: 'kube-proxy', argv: ['/usr/local/bin/kube-proxy', '--config=/x', '--v=2'] });
    await process('4', { comm: 'kube-proxy' });
    await process('5', { comm: 'kube-proxy', namespace: 'net:[2]' });
    await process('6', { comm: 'kube-proxy', namespace: undefined });
    await process('7', { comm: 'kube-proxy-x' });
    await process('8', { comm: 'kube-proxy', argv: ['kube-proxy', '--cleanup=true'] });
    await process('9', { comm: 'kube-proxy', argv: ['kube-proxy', '--cleanup-ipvs=true'] });
    await process('11', {
      comm: 'kube-proxy',
      argv: ['kube-proxy', '--init-only=False', '--write-config-to='],
    });
    await mkdir(join(proc, '10'));
    await mkdir(join(proc, 'kube-proxy'));
    expect(await findProcesses('kube-proxy', proc)).toEqual([4, 9, 11, 30]);
  });

  it('are none where nothing is told', async () => {
    expect(await findProcesses('kube-proxy', join(proc, 'none'))).toEqual([]);
  });

  it('are found on this machine', async () => {
    const name = `np-${proc.slice(-6)}`;
    const program = join(proc, name);
    await copyFile('/bin/sleep', program);
    const child = spawn(program, ['1000'], { stdio: 'ignore' });
    await once(child, 'spawn');
    try {
      await expect.poll(() => findProcesses(name)).toEqual([child.pid]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    expect(await findProcesses(name)).toEqual([]);
  });
});
