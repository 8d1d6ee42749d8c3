import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../../test/api-server/server.ts';
import type { ApiClient, ApiRequest, ApiResponse } from './client.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { createHttpClient } from './http-client.ts';
import { readKubeconfig } from './kubeconfig.ts';

let api: ApiServer;
const clients: ApiClient[] = [];
beforeEach(async () => {
  api = await startApiServer({ settings: { tokens: ['first'] } });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await api.stop();
});

async function connected(user: object, over: Partial<ConnectOptions> = {}): Promise<ApiClient> {
  const kubeconfig = await api.writeKubeconfig('mine', { ...user });
  const client = await connect({ kubeconfig, server: undefined, environment: process.env, ...over });
  clients.push(client);
  return client;
}

async function ask(client: ApiClient): Promise<ApiResponse> {
  const request: ApiRequest = {
    method: 'GET',
    path: '/api/v1/nodes',
    what: { verb: 'list', resource: 'nodes' },
    silenceMilliseconds: 10_000,
    signal: new AbortController().signal,
  };
  const response = await client.open(request);
  for await (const _ of response.body);
  return response;
}

async function statusOf(client: ApiClient): Promise<number> {
  return (await ask(client)).status;
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('it did not fail');
}

/** What the server was shown by each request. */
function shown(): (string | undefined)[] {
  return api.requests.all().map(({ authorization }) => authorization);
}

describe('credentials of a kubeconfig', () => {
  it('a token', async () => {
    expect(await statusOf(await connected({ token: 'first' }))).toBe(200);
    expect(await statusOf(await connected({ token: 'wrong' }))).toBe(401);
  });

  it('a user with a password', async () => {
    await ask(await connected({ username: 'me', password: 'pw' }));
    expect(shown()).toEqual([`Basic ${Buffer.from('me:pw').toString('base64')}`]);
  });

  it('a token file, relative to the kubeconfig, read again for each request', async () => {
    const file = join(api.directory, 'token');
    await writeFile(file, 'first\n');
    const client = await connected({ tokenFile: 'token', token: 'unused' });
    expect(await statusOf(client)).toBe(200);
    api.set({ tokens: ['second'] });
    expect(await statusOf(client)).toBe(401);
    await writeFile(file, 'second\n');
    expect(await statusOf(client)).toBe(200);
    expect(shown()).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
    await writeFile(file, ' ');
    expect(await failureOf(ask(client))).toMatchObject({
      code: 'NP-API-009',
      message: `The credentials for ${api.url} could not be obtained: the token file ${file} is empty.`,
    });
  });

  it('a client certificate, renewed while we run', async () => {
    const [cert, key] = [join(api.directory, 'mine.crt'), join(api.directory, 'mine.key')];
    const install = async (user: string): Promise<void> => {
      const pair = await api.clientCertificate(user);
      await writeFile(cert, pair.certificate);
      await writeFile(key, pair.key);
    };
    await install('before');
    const client = await connected({ 'client-certificate': cert, 'client-key': key });
    await ask(client);
    await ask(client);
    await install('after');
    await ask(client);
    expect(api.requests.all().map(({ certificate }) => certificate)).toEqual(['before', 'before', 'after']);
    expect(api.connections.handshakes).toBe(2);
  });

  it('certificate data goes before a file', async () => {
    const pair = await api.clientCertificate('data');
    const user = {
      'client-certificate': '/nowhere',
      'client-certificate-data': Buffer.from(pair.certificate).toString('base64'),
      'client-key-data': Buffer.from(pair.key).toString('base64'),
    };
    await ask(await connected(user));
    expect(api.requests.all()[0]?.certificate).toBe('data');
  });

  it('the service account of a pod, whose token kubelet replaces', async () => {
    const serviceAccount = api.directory;
    await writeFile(join(serviceAccount, 'token'), 'first');
    await writeFile(join(serviceAccount, 'ca.crt'), await readFile(api.authorityFile));
    const { hostname, port } = new URL(api.url);
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const client = await connected({}, { kubeconfig: undefined, environment, serviceAccount });
    await ask(client);
    await writeFile(join(serviceAccount, 'token'), 'second');
    await ask(client);
    expect(shown()).toEqual(['Bearer first', 'Bearer second']);
  });
});

describe('an exec plugin', () => {
  const apiVersion = 'client.authentication.k8s.io/v1';

  /** A plugin that runs the shell script and leaves a mark each time. */
  function plugin(script: string, more: object = {}): object {
    const marks = join(api.directory, 'marks');
    const args = ['-c', `echo "$KUBERNETES_EXEC_INFO" >> "$MARKS"; ${script}`];
    const env = [{ name: 'MARKS', value: marks }];
    return { exec: { apiVersion, command: '/bin/sh', args, env, interactiveMode: 'Never', ...more } };
  }

  function print(status: object): string {
    return `echo '${JSON.stringify({ apiVersion, kind: 'ExecCredential', status })}'`;
  }

  /** What the plugin was told each time it ran. */
  async function runs(): Promise<
    { readonly spec: { readonly interactive: boolean; readonly cluster?: object } }[]
  > {
    const text = await readFile(join(api.directory, 'marks'), 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  }

  it('runs once for many requests, and once for those at the same time', async () => {
    const client = await connected(plugin(print({ token: 'first' })));
    expect(await runs()).toHaveLength(0);
    const answers = await Promise.all([statusOf(client), statusOf(client), statusOf(client)]);
    expect([...answers, await statusOf(client)]).toEqual([200, 200, 200, 200]);
    expect(await runs()).toMatchObject([{ spec: { interactive: false } }]);
  });

  it('runs again when its credential has expired', async () => {
    const expirationTimestamp = '2020-01-01T00:00:00Z';
    const client = await connected(plugin(print({ token: 'first', expirationTimestamp })));
    await ask(client);
    await ask(client);
    expect(await runs()).toHaveLength(2);
  });

  it('does not run again before its credential expires', async () => {
    const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString();
    const client = await connected(plugin(print({ token: 'first', expirationTimestamp })));
    await ask(client);
    await ask(client);
    expect(await runs()).toHaveLength(1);
  });

  it('runs again after a 401', async () => {
    const client = await connected(plugin('cat "$TOKEN_FILE"', { env: envWith() }));
    await writeFile(join(api.directory, 'answer'), credentialOf('stale'));
    expect(await statusOf(client)).toBe(401);
    await writeFile(join(api.directory, 'answer'), credentialOf('first'));
    expect([await statusOf(client), await statusOf(client)]).toEqual([200, 200]);
    expect(await runs()).toHaveLength(2);
  });

  function envWith(): readonly object[] {
    return [
      { name: 'MARKS', value: join(api.directory, 'marks') },
      { name: 'TOKEN_FILE', value: join(api.directory, 'answer') },
    ];
  }

  function credentialOf(token: string): string {
    return JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } });
  }

  it('gives a certificate, and is told of the cluster when it wants to be', async () => {
    const pair = await api.clientCertificate('exec');
    const status = { clientCertificateData: pair.certificate, clientKeyData: pair.key };
    await writeFile(
      join(api.directory, 'answer'),
      JSON.stringify({ apiVersion, kind: 'ExecCredential', status }),
    );
    const more = { env: envWith(), provideClusterInfo: true };
    await ask(await connected(plugin('cat "$TOKEN_FILE"', more)));
    expect(api.requests.all()[0]?.certificate).toBe('exec');
    expect(await runs()).toMatchObject([{ spec: { cluster: { server: api.url } } }]);
  });

  it.each([
    ['fails', 'echo "no luck\u001b[2J" >&2; exit 3', /ended with exit code 3: no luck\\u\{1b\}\[2J\.$/],
    ['prints garbage', 'echo secret-token', /printed something else than a JSON object\.$/],
    [
      'prints no status',
      'echo "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\"}"',
      /neither token nor certificate/,
    ],
    ['prints another version', 'echo "{\\"apiVersion\\":\\"v1\\"}"', /another apiVersion/],
    ['prints a token that is none', print({ token: 'a b' }), /characters that no token has/],
    ['prints half a pair', print({ clientKeyData: 'x' }), /a certificate or a key, but not both/],
    [
      'prints a bad pair',
      print({ clientCertificateData: 'x', clientKeyData: 'y' }),
      /certificate and key of the exec plugin/,
    ],
    [
      'prints no time',
      print({ token: 'a', expirationTimestamp: 'soon' }),
      /expirationTimestamp that is no time/,
    ],
    ['prints without end', 'yes', /printed more than 1048576 bytes/],
    ['complains at length', 'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1', /: x{500}…\.$/],
    ['waits for input', 'cat; exit 4', /exit code 4\.$/],
  ])('that %s', async (_, script, message) => {
    const error = await failureOf(ask(await connected(plugin(script))));
    expect(error).toMatchObject({ code: 'NP-API-009', message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('secret-token');
    expect(api.requests.all()).toHaveLength(0);
  });

  it('that is not there, with the hint of the kubeconfig', async () => {
    const more = { command: 'no-such-plugin', installHint: 'get it from example.com' };
    expect(await failureOf(ask(await connected(plugin('', more))))).toMatchObject({
      code: 'NP-API-009',
      message: expect.stringContaining('no-such-plugin was not found (get it from example.com)'),
    });
  });

  it('that hangs is killed, though its children hold its output; the next request tries again', async () => {
    const kubeconfig = await api.writeKubeconfig('hangs', { ...plugin('sleep 30 & sleep 30') });
    const client = createHttpClient({
      account: await readKubeconfig(kubeconfig, undefined),
      environment: process.env,
      userAgent: 'x',
      gzip: false,
      connectMilliseconds: 5000,
      pluginMilliseconds: 300,
    });
    clients.push(client);
    for (let count = 0; count < 2; count += 1) {
      expect(await failureOf(ask(client))).toMatchObject({
        code: 'NP-API-009',
        message: expect.stringContaining('was killed after 0.3 s'),
      });
    }
    expect(await runs()).toHaveLength(2);
  });

  it('that hangs is stopped when the client is closed', async () => {
    const client = await connected(plugin('exec sleep 30'));
    const asking = failureOf(ask(client));
    client.close();
    expect(await asking).toMatchObject({ message: expect.stringContaining('was stopped') });
  });
});
