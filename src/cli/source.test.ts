import { describe, expect, it } from 'vitest';
import { type Config, defaultConfig } from '../config/defaults.ts';
import { loadConfig } from '../config/load.ts';
import type { Io } from './io.ts';
import { parse } from './parse.ts';
import { readSettings } from './settings.ts';
import { chooseSource, identify } from './source.ts';

const quiet = { isTerminal: false, columns: 80, write: async () => undefined };

/** The source and the client that a call of `apply` gets in an environment. */
async function choose(argv: readonly string[], environment: Readonly<Record<string, string>>) {
  const io: Io = {
    stdout: quiet,
    stderr: quiet,
    environment,
    hostname: 'n1',
    signal: new AbortController().signal,
  };
  const invocation = parse(['apply', ...argv], 'x', 80);
  if (invocation.kind !== 'call') throw new Error('help was asked for');
  const settings = readSettings(invocation.flags, invocation.kubeProxy);
  const host = identify(io);
  const config: Config = await loadConfig({ flags: settings.config, host });
  return { source: chooseSource(settings, config, host), client: config.client };
}

const none = defaultConfig.client;
const cluster = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };

describe('the source', () => {
  it.each([
    [['--manifests', 'd'], {}, { kind: 'manifests', directory: 'd' }, none],
    [['--manifests', 'd'], cluster, { kind: 'manifests', directory: 'd' }, none],
    [['--kubeconfig', '/k'], {}, { kind: 'api' }, { kubeconfig: '/k', server: undefined }],
    [['--kubeconfig', '/k'], { KUBECONFIG: '/e' }, { kind: 'api' }, { kubeconfig: '/k', server: undefined }],
    [[], cluster, { kind: 'api' }, none],
    [[], { ...cluster, KUBECONFIG: '/e' }, { kind: 'api' }, none],
    [[], { KUBECONFIG: '/e' }, { kind: 'api' }, { kubeconfig: '/e', server: undefined }],
    [
      ['--master=10.0.0.1:6443', '--kubeconfig=/k'],
      cluster,
      { kind: 'api' },
      { kubeconfig: '/k', server: 'https://10.0.0.1:6443' },
    ],
    [
      ['--master=https://10.0.0.1'],
      cluster,
      { kind: 'api' },
      { kubeconfig: undefined, server: 'https://10.0.0.1' },
    ],
    [['--kubeconfig', '/a:b'], {}, { kind: 'api' }, { kubeconfig: '/a:b', server: undefined }],
  ])('of %j with %j', async (argv, environment, source, client) => {
    expect(await choose(argv, environment)).toEqual({ source, client });
  });

  it('may be nowhere', async () => {
    await expect(choose([], {})).rejects.toMatchObject({ code: 'NP-CLI-001' });
    await expect(choose([], { KUBECONFIG: '', KUBERNETES_SERVICE_HOST: '' })).rejects.toMatchObject({
      code: 'NP-CLI-001',
    });
  });

  it('is not one of several files', async () => {
    await expect(choose([], { KUBECONFIG: '/a:/b' })).rejects.toMatchObject({
      code: 'NP-CLI-002',
      message:
        'The value "/a:/b" of $KUBECONFIG is not usable: it names several files; name one with --kubeconfig.',
    });
  });
});
