import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CheckFinding } from '../agent/check/finding.ts';
import type { Context, NodeOptions, SourceOptions } from '../agent/options.ts';
import { NodeplaneError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { Comparison } from '../rules/comparison.ts';
import type { Actions } from './actions.ts';
import type { Io, Sink } from './io.ts';
import { main } from './program.ts';
import { verbs } from './verbs.ts';

const golden = (name: string): string => join(import.meta.dirname, '../../test/testdata/cli', name);

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-cli-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The options with which an action was called. */
  readonly asked: readonly (readonly [name: string, options: NodeOptions & Partial<SourceOptions>])[];
}

const difference: Comparison = {
  changes: [
    {
      service: 'default/web:http',
      family: 'IPv4',
      protocol: 'TCP',
      addresses: ['172.30.0.41:80/tcp'],
      action: 'change',
      before: { endpoints: 3, affinitySeconds: undefined },
      after: { endpoints: 4, affinitySeconds: undefined },
      details: [],
      rules: { added: ['-A X'], removed: [] },
    },
  ],
  drift: [],
};

const finding: Finding = { code: 'NP-OBJECT-001', object: 'Service a/b', field: 'spec', reason: 'bad' };

interface Scene {
  readonly actions?: Partial<Actions>;
  readonly io?: Partial<Io>;
}

/** Runs the command line in this process with an agent of fakes. */
async function call(argv: readonly string[], { actions = {}, io = {} }: Scene = {}): Promise<Outcome> {
  const asked: [string, NodeOptions][] = [];
  const asking = <T>(name: string, answer: T) => {
    return async (options: NodeOptions): Promise<T> => {
      asked.push([name, options]);
      return answer;
    };
  };
  const agent: Actions = {
    render: asking('render', [{ family: 'IPv4', lines: ['*nat', 'COMMIT'] }]),
    apply: asking('apply', [{ family: 'IPv4', services: 1, steps: 0, lines: 0, bytes: 0, milliseconds: 1 }]),
    diff: asking('diff', { changes: [], drift: [] }),
    cleanup: asking('cleanup', []),
    initialize: asking('initialize', { changed: [{ setting: 'net/x', value: 1 }] }),
    check: asking('check', []),
    run: asking('run', undefined),
    ...actions,
  };
  const [stdout, stderr] = [recorder(), recorder()];
  const code = await main(
    argv,
    {
      stdout: stdout.sink,
      stderr: stderr.sink,
      environment: {},
      hostname: 'Host-1',
      signal: new AbortController().signal,
      ...io,
    },
    async () => agent,
  );
  return { code, stdout: stdout.text(), stderr: stderr.text(), asked };
}

function recorder(isTerminal = false): { readonly sink: Sink; readonly text: () => string } {
  const written: string[] = [];
  const write = async (text: string): Promise<void> => {
    written.push(text);
  };
  return { sink: { isTerminal, columns: 80, write }, text: () => written.join('') };
}

function failing(error: unknown): () => Promise<never> {
  return () => Promise.reject(error instanceof Error ? error : new Error(String(error)));
}

describe('help', () => {
  it.each(['', ...verbs.map(({ name }) => name)])('of "%s" stands as it was', async (verb) => {
    const asked = await call(verb === '' ? ['--help'] : [verb, '--help']);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    await expect(asked.stdout).toMatchFileSnapshot(golden(`help${verb === '' ? '' : `-${verb}`}.txt`));
    for (const line of asked.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(await call(verb === '' ? ['-h'] : ['help', verb])).toEqual(asked);
  });

  it('goes to standard error when nothing was said', async () => {
    const { stdout } = await call(['--help']);
    expect(await call([])).toEqual({ code: 2, stdout: '', stderr: stdout, asked: [] });
  });

  it('is not the version', async () => {
    expect(await call(['--version'])).toMatchObject({
      code: 0,
      stdout: 'nodeplane unbuilt (unknown)\n',
      stderr: '',
    });
  });
});

describe('a command line that is wrong', () => {
  it.each([
    [['dif'], 'NP-CLI-004: nodeplane has no verb dif (did you mean diff?).'],
    [['explode'], 'NP-CLI-004: nodeplane has no verb explode.'],
    [
      ['apply', '--manifest', 'x'],
      'NP-CLI-003: `nodeplane apply` has no flag --manifest (did you mean --manifests?).',
    ],
    [
      ['apply', '--kubeconfi=x'],
      'NP-CLI-003: `nodeplane apply` has no flag --kubeconfi (did you mean --kubeconfig?).',
    ],
    [['apply', '--nodeport-addresses=x'], 'NP-CLI-003: `nodeplane apply` has no flag --nodeport-addresses'],
    [
      ['run', '--nodeport-adresses=x'],
      'NP-CLI-003: `nodeplane run` has no flag --nodeport-adresses (did you mean --nodeport-addresses?).',
    ],
    [
      ['apply', '--manifests', 'x', '--kubeconfig', 'y'],
      'NP-CLI-002: The value "y" of --kubeconfig is not usable: objects come from --manifests or from it.',
    ],
    [
      ['diff', '--manifests', 'x', '--rules=maybe'],
      'NP-CLI-002: The value "maybe" of --rules is not usable: it is neither true nor false.',
    ],
    [['apply', '--rules'], 'NP-CLI-003: `nodeplane apply` has no flag --rules'],
    [
      ['--manifests', 'x', 'apply'],
      'NP-CLI-003: `nodeplane` has no flag --manifests: flags follow the verb.',
    ],
    [['apply', 'x'], 'NP-CLI-005: The command line cannot be read: a verb takes flags and no other words.'],
    [
      ['apply', '--manifests'],
      "NP-CLI-005: The command line cannot be read: flag '--manifests <directory>' argument missing.",
    ],
    [['apply', '--manifests='], 'NP-CLI-002: The value "" of --manifests is not usable: it is empty.'],
    [
      ['apply', '--manifests', 'x', '--output', 'jsn'],
      'NP-CLI-002: The value "jsn" of --output is not usable: it is none of text, json (did you mean json?).',
    ],
    [
      ['apply', '--manifests', 'x', '--family', 'IPv4'],
      'NP-CLI-002: The value "IPv4" of --family is not usable: it is none of ipv4, ipv6, dual (did you mean ipv4?).',
    ],
    [['apply', '--manifests', 'x', '--log-level', 'loud'], 'NP-CLI-002: The value "loud" of --log-level'],
    [
      ['apply', '--manifests', 'x', '--iptables-variant', 'nftables'],
      'NP-CLI-002: The value "nftables" of --iptables-variant',
    ],
    [
      ['apply', '--manifests', 'x', '--node', 'a\nb'],
      'NP-CLI-002: The value "a\\nb" of --node is not usable',
    ],
    [
      ['apply', '--manifests', 'x\0'],
      'NP-CLI-002: The value "x\\u{0}" of --manifests is not usable: it holds a zero byte.',
    ],
    [['apply'], 'NP-CLI-001: No source of objects was given.'],
    [
      ['apply', `--${'x'.repeat(100_000)}`],
      `NP-CLI-003: \`nodeplane apply\` has no flag --${'x'.repeat(77)}….`,
    ],
    [['apply', '--no\n\u001b[2Jsuch'], 'NP-CLI-003: `nodeplane apply` has no flag --no\\n\\u{1b}[2Jsuch.'],
  ])('number %# is told, exit 2', async (argv, expected) => {
    const { code, stdout, stderr, asked } = await call(argv);
    expect({ code, stdout, asked }).toEqual({ code: 2, stdout: '', asked: [] });
    expect(stderr.replaceAll('\n  ', ' ')).toContain(`error ${expected}`);
    expect(stderr).toMatch(/\n {2}remedy: [\s\S]+\n$/);
  });

  it('is told as JSON when JSON was asked for, even when that flag is not reached', async () => {
    const { stderr } = await call(['apply', '--bogus', '--output', 'json']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'NP-CLI-003', message: expect.any(String) } });
    expect(stderr.trim()).not.toContain('\n');
  });
});

describe('settings', () => {
  it('reach the agent', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(
      file,
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: 10.0.0.0/8\n',
    );
    const { asked } = await call([
      'apply',
      '--manifests',
      'dir',
      '--node=n1',
      '--config',
      file,
      '--mode',
      'iptables',
      '--iptables-variant',
      'nft',
      '--family',
      'dual',
      '--cluster-cidr',
      '10.1.0.0/16,fd00::/8',
    ]);
    expect(asked).toMatchObject([
      [
        'apply',
        {
          source: { kind: 'manifests', directory: 'dir' },
          families: ['IPv4', 'IPv6'],
          config: {
            nodeName: 'n1',
            iptablesVariant: 'nft',
            routing: { detectLocal: { mode: 'ClusterCIDR', cidrs: ['10.1.0.0/16', 'fd00::/8'] } },
          },
        },
      ],
    ]);
  });

  it('name the node by $NODE_NAME, then by the hostname', async () => {
    const [byHost, byEnvironment] = [
      await call(['cleanup']),
      await call(['cleanup'], { io: { environment: { NODE_NAME: 'n2' } } }),
    ].map(({ asked }) => asked[0]?.[1].config.nodeName);
    expect([byHost, byEnvironment]).toEqual(['host-1', 'n2']);
  });

  it('that a file has wrong are an error, exit 1', async () => {
    const file = join(directory, 'wrong.yaml');
    await writeFile(
      file,
      'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nmod: x\n',
    );
    const { code, stderr } = await call(['apply', '--manifests', 'x', '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('wrong.yaml:3:1: mod: there is no such field (did you mean');
  });
});

describe('verbs', () => {
  it('print results on standard output', async () => {
    expect(await call(['render', '--manifests', 'x'])).toMatchObject({
      code: 0,
      stdout: '# IPv4\n*nat\nCOMMIT\n',
    });
    expect(await call(['apply', '--manifests', 'x'])).toMatchObject({
      code: 0,
      stdout: 'IPv4: nothing to change\n',
    });
    expect(await call(['cleanup'])).toMatchObject({ code: 0, stdout: 'nothing to remove\n', stderr: '' });
    expect(await call(['run', '--manifests', 'x'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('print results as JSON', async () => {
    const { stdout } = await call(['render', '--manifests', 'x', '--output', 'json']);
    expect(JSON.parse(stdout)).toEqual({ families: [{ family: 'IPv4', lines: ['*nat', 'COMMIT'] }] });
  });

  it('warn of findings on standard error, also when they fail', async () => {
    const warning = /^warning NP-OBJECT-001 Service a\/b spec: bad\n {2}remedy: /;
    const reporting = (after: () => Promise<never>) => (_: NodeOptions, context: Context) => {
      context.onFindings([finding]);
      return after();
    };
    const apply = async (_: NodeOptions, context: Context) => {
      context.onFindings([finding, finding]);
      context.onFindings([finding]);
      return [];
    };
    const good = await call(['apply', '--manifests', 'x'], { actions: { apply } });
    expect(good.stderr).toMatch(warning);
    expect(good.stderr.match(/warning/g)).toHaveLength(1);
    const failed = reporting(failing(new NodeplaneError('NP-KERNEL-003', { seconds: 1 })));
    const bad = await call(['apply', '--manifests', 'x'], { actions: { apply: failed } });
    expect(bad.stderr).toMatch(warning);
    expect(bad.stderr).toContain('error NP-KERNEL-003');
    expect(bad.code).toBe(1);
  });
});

describe('check', () => {
  const error = new NodeplaneError('NP-CHECK-003');

  it.each<[string, CheckFinding[], number]>([
    ['nothing', [], 0],
    ['a warning', [{ severity: 'warning', error }], 0],
    ['an error', [{ severity: 'error', error }], 1],
  ])('that finds %s ends with its code', async (_, findings, expected) => {
    const { code, stdout, stderr } = await call(['check'], { actions: { check: async () => findings } });
    expect({ code, stderr }).toEqual({ code: expected, stderr: '' });
    for (const { severity } of findings)
      expect(stdout).toContain(`${severity} NP-CHECK-003: Another nodeplane`);
  });

  it('looks at a source when it is told of one', async () => {
    const { asked } = await call(['check', '--manifests', 'x', '--kube-proxy', 'wait']);
    expect(asked).toMatchObject([
      ['check', { source: { kind: 'manifests' }, config: { kubeProxy: 'wait' } }],
    ]);
    expect((await call(['check'])).asked[0]?.[1]).not.toHaveProperty('source');
  });
});

describe('run', () => {
  const idle = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nportRange: 1-2\n';

  it('tells in the log which settings and flags have no effect', async () => {
    const file = join(directory, 'idle.yaml');
    await writeFile(file, idle);
    const argv = ['run', '--manifests', 'x', '--config', file, '--logtostderr'];
    const { stderr } = await call(argv);
    const entries = stderr
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(entries).toMatchObject([
      { level: 'warn', fields: ['portRange'] },
      { level: 'warn', flags: ['--logtostderr'] },
    ]);
    expect((await call([...argv, '--log-level', 'error'])).stderr).toBe('');
  });

  it('follows the file of --config, and none without', async () => {
    const file = join(directory, 'followed.yaml');
    await writeFile(file, idle);
    const told: number[] = [];
    const run = async ({ updates }: SourceOptions): Promise<void> => {
      updates?.start({
        changed: ({ routing }) => told.push(routing.masqueradeBit),
        refused: () => told.push(-1),
      });
      await writeFile(file, `${idle}iptables: {masqueradeBit: 9}\n`);
      await vi.waitFor(() => expect(told).toEqual([9]), { timeout: 15_000 });
      await updates?.stop();
    };
    expect(await call(['run', '--manifests', 'x', '--config', file], { actions: { run } })).toMatchObject({
      code: 0,
    });
    const { asked } = await call(['run', '--manifests', 'x']);
    expect(asked[0]?.[1].updates).toBeUndefined();
  });

  it('writes the configuration that would hold, and does nothing else', async () => {
    const file = join(directory, 'written.yaml');
    const argv = ['--proxy-mode=iptables', '--conntrack-min=7', '--write-config-to', file];
    expect(await call(['run', ...argv])).toMatchObject({ code: 0, stdout: '', asked: [] });
    const { asked } = await call(['run', '--kubeconfig', 'k', '--config', file]);
    expect(asked[0]?.[1].config).toMatchObject({ conntrack: { min: 7 }, nodeName: 'host-1' });
    const failed = await call(['run', '--write-config-to', join(directory, 'no/such')]);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('error NP-CONFIG-004') });
  });

  it('does what --init-only and --cleanup ask for, without a source', async () => {
    const first = await call(['run', '--init-only', '--conntrack-min=7']);
    expect(first).toMatchObject({ code: 0, stdout: 'net/x = 1\n' });
    expect(first.asked).toMatchObject([['initialize', { config: { conntrack: { min: 7 } } }]]);
    const json = await call(['run', '--init-only=true', '--output=json']);
    expect(JSON.parse(json.stdout)).toEqual({ changed: [{ setting: 'net/x', value: 1 }] });
    const cleaned = await call(['run', '--cleanup']);
    expect(cleaned).toMatchObject({ code: 0, stdout: 'nothing to remove\n' });
    expect(cleaned.asked.map(([name]) => name)).toEqual(['cleanup']);
    const plain = await call(['run', '--cleanup=false', '--init-only=false', '--manifests=x']);
    expect(plain.asked.map(([name]) => name)).toEqual(['run']);
  });

  it('lets --init-only ask the source that it is told of', async () => {
    const { asked } = await call(['run', '--init-only', '--kubeconfig=/k']);
    expect(asked).toMatchObject([['initialize', { source: { kind: 'api' } }]]);
  });

  it('asks the API server when it is told of one', async () => {
    const { asked } = await call(['run', '--kubeconfig=/k', '--master=https://192.0.2.1:6443']);
    expect(asked[0]?.[1]).toMatchObject({
      source: { kind: 'api' },
      config: { client: { kubeconfig: '/k', server: 'https://192.0.2.1:6443' } },
    });
  });
});

describe('the log', () => {
  const levels = ['trace', 'debug', 'info', 'warn'] as const;

  it.each<[string[], (typeof levels)[number]]>([
    [['run', '--v=0'], 'info'],
    [['run', '--v=3'], 'info'],
    [['run', '--v=4'], 'debug'],
    [['run', '--v=6'], 'trace'],
    [['run', '--v=10', '--log-level=warn'], 'warn'],
    [['apply'], 'warn'],
  ])('of %j begins at level %s', async (argv, least) => {
    const speak = async (_: NodeOptions, { log }: Context): Promise<void> => {
      for (const level of levels) log[level]({}, 'said');
    };
    const apply = async (options: NodeOptions, context: Context) => {
      await speak(options, context);
      return [];
    };
    const { stderr } = await call([...argv, '--manifests', 'x'], { actions: { run: speak, apply } });
    const said = stderr
      .trim()
      .split('\n')
      .map((line) => String(Object.entries(JSON.parse(line)).find(([key]) => key === 'level')?.[1]));
    expect(said).toEqual(levels.slice(levels.indexOf(least)));
  });

  it('takes over the level of a file that has changed, and so do its children', async () => {
    const file = join(directory, 'verbose.yaml');
    const document = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
    await writeFile(file, document);
    const run = async ({ updates }: SourceOptions, { log }: Context): Promise<void> => {
      const child = log.child({ part: 'x' });
      child.debug({}, 'before');
      const changed = new Promise((resolve) => {
        updates?.start({ changed: resolve, refused: resolve });
      });
      await writeFile(file, `${document}logging: {verbosity: 4}\n`);
      await changed;
      child.debug({}, 'after');
      log.trace({}, 'never');
      await updates?.stop();
    };
    const { stderr } = await call(['run', '--manifests=x', '--config', file], { actions: { run } });
    expect(JSON.parse(stderr)).toMatchObject({ level: 'debug', part: 'x', msg: 'after' });
  });

  it('has the form that logging.format says', async () => {
    const run = async (_: NodeOptions, { log }: Context): Promise<void> => log.info({}, 'said');
    const argv = ['run', '--manifests=x'];
    const text = await call([...argv, '--logging-format=text'], { actions: { run } });
    expect(text.stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}said\n$/);
    const terminal = recorder(true);
    await call([...argv, '--logging-format=json'], { actions: { run }, io: { stderr: terminal.sink } });
    expect(JSON.parse(terminal.text())).toMatchObject({ msg: 'said' });
  });
});

describe('exit codes', () => {
  const diff = async (): Promise<Comparison> => difference;
  const kernel = new NodeplaneError('NP-KERNEL-003', { seconds: 1 });

  it.each<[readonly string[], Partial<Actions>, number]>([
    [['diff'], {}, 0],
    [['diff'], { diff }, 1],
    [['diff'], { diff: failing(kernel) }, 2],
    [['diff', '--bogus'], {}, 2],
    [['diff', '--detailed-exitcode'], {}, 0],
    [['diff', '--detailed-exitcode'], { diff }, 2],
    [['diff', '--detailed-exitcode'], { diff: failing(kernel) }, 1],
    [['diff', '--detailed-exitcode', '--bogus'], { diff }, 1],
    [['diff', '--detailed-exitcode=true'], { diff }, 2],
    [['diff', '--detailed-exitcode=true'], { diff: failing(kernel) }, 1],
    [['diff', '--detailed-exitcode=false'], { diff }, 1],
    [['diff', '--detailed-exitcode=false'], { diff: failing(kernel) }, 2],
    [['apply'], { apply: failing(kernel) }, 1],
    [['apply'], { apply: failing('a bug') }, 1],
    [['apply', '--bogus'], {}, 2],
  ])('of %j with %j is %d', async (argv, actions, code) => {
    expect((await call([...argv, '--manifests', 'x'], { actions })).code).toBe(code);
  });

  it('shows rule lines only when asked', async () => {
    const plain = await call(['diff', '--manifests', 'x'], { actions: { diff } });
    const rules = await call(['diff', '--manifests', 'x', '--rules'], { actions: { diff } });
    expect([plain.stdout.includes('+ -A X'), rules.stdout.includes('    + -A X\n')]).toEqual([false, true]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('after %s are those of a shell, without a word', async (name, code) => {
    const controller = new AbortController();
    const interrupted = async (): Promise<never> => {
      controller.abort(name);
      throw kernel;
    };
    const io = { signal: controller.signal };
    expect(await call(['apply', '--manifests', 'x'], { actions: { apply: interrupted }, io })).toMatchObject({
      code,
      stdout: '',
      stderr: '',
    });
    const run = async (): Promise<void> => controller.abort(name);
    expect((await call(['run', '--manifests', 'x'], { actions: { run }, io })).code).toBe(0);
  });

  it('tell that a result could not be written', async () => {
    const full: Sink = { isTerminal: false, columns: 80, write: failing('ENOSPC: no space left on device') };
    const { code, stderr } = await call(['cleanup'], { io: { stdout: full } });
    expect(code).toBe(1);
    expect(stderr).toContain('ENOSPC');
  });

  it('hold even when nothing can be written', async () => {
    const full: Sink = { isTerminal: false, columns: 80, write: failing('ENOSPC') };
    expect((await call(['apply', '--bogus'], { io: { stdout: full, stderr: full } })).code).toBe(2);
  });
});

describe('a terminal', () => {
  it('gets colour and readable log lines', async () => {
    const terminal = recorder(true);
    const io = { stdout: terminal.sink, stderr: terminal.sink };
    const actions = { diff: async () => difference };
    await call(['diff', '--manifests', 'x'], { actions, io });
    expect(terminal.text()).toContain('\u001b[33m~\u001b[39m default/web:http');
    await call(['diff', '--manifests', 'x', '--log-level', 'debug'], {
      actions: { diff: failing('no') },
      io,
    });
    expect(terminal.text()).toContain('debug\u001b[39m the verb failed');
  });
});
