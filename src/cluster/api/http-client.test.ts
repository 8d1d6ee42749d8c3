import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ApiServer, startApiServer } from '../../../test/api-server/server.ts';
import { service } from '../../../test/conformance/objects.ts';
import type { ApiClient, ApiRequest } from './client.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { createHttpClient } from './http-client.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { statusError } from './status-error.ts';

let api: ApiServer;
const clients: ApiClient[] = [];
beforeEach(async () => {
  api = await startApiServer();
  api.put(service({ name: 'web', clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] }));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await api.stop();
});

async function connected(over: Partial<ConnectOptions> = {}): Promise<ApiClient> {
  const options = { kubeconfig: api.kubeconfig, server: undefined, environment: process.env, ...over };
  const client = await connect(options);
  clients.push(client);
  return client;
}

const path = '/api/v1/services';
const what = { verb: 'list', resource: 'services' } as const;

function get(over: Partial<ApiRequest> = {}): ApiRequest {
  const signal = new AbortController().signal;
  return { method: 'GET', path, what, silenceMilliseconds: 10_000, signal, ...over };
}

async function read(client: ApiClient, request = get()): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of (await client.open(request)).body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** What the promise fails with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('it did not fail');
}

function watchPath(): string {
  return `${path}?watch=true&resourceVersion=${api.store.version}`;
}

describe('connections', () => {
  it('takes one TLS handshake for many requests, and shows its name and certificate', async () => {
    const client = await connected({ version: '1.2.3' });
    for (let count = 0; count < 20; count += 1) expect(await read(client)).toContain('"web"');
    expect(api.connections.handshakes).toBe(1);
    expect(api.requests.all()[0]).toMatchObject({
      userAgent: 'nodeplane/1.2.3',
      certificate: 'nodeplane',
      acceptEncoding: undefined,
    });
  });

  it('abort ends a request before its head, in its body, and before it was sent, with the reason, and leaves no socket', async () => {
    const client = await connected();
    const reason = new Error('enough');
    api.fail({ kind: 'silence', after: 'request' }, { times: 1 });
    const early = new AbortController();
    const opening = failureOf(client.open(get({ signal: early.signal })));
    await vi.waitFor(() => expect(api.requests.all()).toHaveLength(1));
    early.abort(reason);
    expect(await opening).toBe(reason);
    const late = new AbortController();
    const watch = await client.open(get({ path: watchPath(), signal: late.signal }));
    const reading = failureOf(watch.body[Symbol.asyncIterator]().next());
    late.abort(reason);
    expect(await reading).toBe(reason);
    expect(await failureOf(client.open(get({ signal: late.signal })))).toBe(reason);
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
    expect(api.requests.all()).toHaveLength(2);
  });

  it('forgets the signal of a request that has ended', async () => {
    const client = await connected();
    const { signal } = new AbortController();
    for (let count = 0; count < 5; count += 1) await read(client, get({ signal }));
    await vi.waitFor(() => expect(getEventListeners(signal, 'abort')).toHaveLength(0));
  });

  it('ends a watch when its reader leaves, even while nothing comes', async () => {
    const client = await connected();
    const watch = await client.open(get({ path: watchPath() }));
    const iterator = watch.body[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
  });

  it('close ends what is under way, and refuses what comes later', async () => {
    const client = await connected();
    const watch = await client.open(get({ path: watchPath() }));
    const reading = failureOf(watch.body[Symbol.asyncIterator]().next());
    client.close();
    expect(await reading).toMatchObject({ code: 'NP-API-002' });
    expect(await failureOf(client.open(get()))).toMatchObject({ code: 'NP-API-002' });
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
  });

  it('reads a body as slowly as it likes without taking that for silence', async () => {
    api.put(
      ...Array.from({ length: 3000 }, (_, index) =>
        service({ name: `web-${index}`, clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] }),
      ),
    );
    const client = await connected();
    const response = await client.open(get({ silenceMilliseconds: 1000 }));
    let bytes = 0;
    for await (const piece of response.body) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 1500));
      bytes += piece.length;
    }
    expect(bytes).toBeGreaterThan(1_000_000);
  });

  it('works without TLS, and sends no credentials then', async () => {
    const plain = await startApiServer({ plain: true });
    try {
      const kubeconfig = await plain.writeKubeconfig('plain', { token: 'secret' });
      const client = await connected({ kubeconfig });
      expect(await read(client)).toContain('ServiceList');
      expect(plain.requests.all()[0]?.authorization).toBeUndefined();
    } finally {
      await plain.stop();
    }
  });
});

describe('compressed answers', () => {
  it('are decoded though nobody asked for them, and events come out at once', async () => {
    api.fail({ kind: 'gzip' });
    const client = await connected();
    expect(await read(client)).toContain('"web"');
    const response = await client.open(get({ path: `${path}?watch=true` }));
    const { value } = await response.body[Symbol.asyncIterator]().next();
    expect(String(value)).toContain('"ADDED"');
  });

  it('are asked for when the option says so', async () => {
    await read(await connected({ gzip: true }));
    expect(api.requests.all()[0]?.acceptEncoding).toBe('gzip');
  });

  it('that are broken are no answers of an API server', async () => {
    api.fail({ kind: 'answer', status: 200, headers: { 'content-encoding': 'gzip' }, body: 'not gzip' });
    expect(await failureOf(read(await connected()))).toMatchObject({ code: 'NP-API-007' });
  });
});

describe('a network that fails', () => {
  it.each([
    ['close', { kind: 'close' }, 'closed before an answer'],
    ['reset', { kind: 'reset' }, 'was reset'],
    ['reset in the body', { kind: 'reset', when: 'body' }, 'in the middle of the answer'],
    ['closed in the body', { kind: 'close-mid-line' }, 'in the middle of the answer'],
  ] as const)('%s', async (_, fault, reason) => {
    api.fail(fault);
    const error = await failureOf(read(await connected()));
    expect(error).toMatchObject({
      code: 'NP-API-002',
      message: expect.stringContaining(reason),
      wasCut: true,
    });
  });

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'a handshake that is cut (%s), as by a load balancer with no server behind it, is nobody',
    async (how) => {
      const nobody = createTcpServer((socket) => void socket.once('data', () => socket[how]()));
      await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
      const address = nobody.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      try {
        const client = await connected({ server: `https://127.0.0.1:${port}` });
        expect(await failureOf(read(client))).toMatchObject({ code: 'NP-API-002', wasCut: false });
      } finally {
        nobody.close();
      }
    },
  );

  it('refused, and reached again later', async () => {
    const client = await connected();
    await api.network('refuse');
    expect(await failureOf(read(client))).toMatchObject({
      code: 'NP-API-002',
      message: `The API server ${api.url} cannot be reached: connection refused.`,
      wasCut: false,
    });
    await api.network('up');
    expect(await read(client)).toContain('"web"');
  });

  it('a name that DNS does not know', async () => {
    const client = await connected({ server: 'https://no-such-host.invalid:6443' });
    expect(await failureOf(read(client))).toMatchObject({
      code: 'NP-API-002',
      message: expect.stringContaining('DNS'),
    });
  });

  it('a TLS handshake that is never answered', async () => {
    await api.network('silent');
    const account = await readKubeconfig(api.kubeconfig, undefined);
    const options = { environment: {}, userAgent: 'x', gzip: false, pluginMilliseconds: 1000 };
    const client = createHttpClient({ account, connectMilliseconds: 100, ...options });
    expect(await failureOf(read(client))).toMatchObject({
      code: 'NP-API-002',
      message: expect.stringContaining('no connection within 0.1 s'),
    });
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
  });

  it.each(['request', 'head', 'body'] as const)('silence after the %s', async (after) => {
    api.fail({ kind: 'silence', after });
    const error = await failureOf(read(await connected(), get({ silenceMilliseconds: 200 })));
    expect(error).toMatchObject({ code: 'NP-API-008', message: expect.stringContaining('for 0.2 s') });
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
  });

  it('silence after a head that nobody reads on', async () => {
    api.fail({ kind: 'silence', after: 'head' });
    await (await connected()).open(get({ silenceMilliseconds: 100 }));
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
  });

  it('a trickle is no silence', async () => {
    api.fail({ kind: 'trickle', bytes: 40, milliseconds: 20 });
    const text = await read(await connected(), get({ silenceMilliseconds: 1000 }));
    expect(JSON.parse(text).items).toHaveLength(1);
  });

  it('a redirect is not followed', async () => {
    api.fail({ kind: 'redirect', to: 'https://elsewhere/' });
    const client = await connected();
    const response = await client.open(get());
    expect(await statusError(client.server, what, response)).toMatchObject({ code: 'NP-API-007' });
    expect(api.requests.all()).toHaveLength(1);
  });
});

describe('an answer that is an error', () => {
  it.each([
    [
      { kind: 'status', status: 429, retryAfterSeconds: 7 },
      { code: 'NP-API-006', status: 429, retryAfterSeconds: 7 },
    ],
    [
      { kind: 'status', status: 401 },
      { code: 'NP-API-004', reason: 'Unauthorized' },
    ],
    [
      { kind: 'gone', how: 'status' },
      { code: 'NP-API-006', status: 410, reason: 'Expired' },
    ],
    [
      { kind: 'answer', status: 503, headers: { 'content-type': 'text/html; charset=x' }, body: '<p>' },
      { status: 503 },
    ],
  ] as const)('%o', async (fault, wanted) => {
    api.fail(fault);
    const client = await connected();
    const response = await client.open(get());
    expect(await statusError(client.server, what, response)).toMatchObject(wanted);
  });

  it('403 tells in the words of the server what is missing', async () => {
    api.set({ forbidden: ['list services'] });
    const client = await connected();
    const error = await statusError(client.server, what, await client.open(get()));
    expect(error.message).toBe(
      `The API server ${api.url} does not let us list services (403): services is forbidden: User "system:serviceaccount:kube-system:nodeplane" cannot list resource "services" in API group "" at the cluster scope.`,
    );
  });

  it('whose body never ends is judged by what has come, and its connection is ended', async () => {
    api.fail({ kind: 'silence', after: 'head' });
    const client = await connected();
    const response = await client.open(get({ silenceMilliseconds: 200 }));
    const error = await statusError(client.server, what, { ...response, status: 500 });
    expect(error).toMatchObject({ code: 'NP-API-006', status: 500 });
    await vi.waitFor(() => expect(api.connections.open).toBe(0));
  });
});

describe('what is written', () => {
  it('goes with its type, and the answer is read', async () => {
    const client = await connected();
    const body = { type: 'application/json', text: '{"metadata":{"name":"ü"},"reason":"Refused"}' };
    const post = { method: 'POST', path: '/apis/events.k8s.io/v1/namespaces/default/events', body } as const;
    const response = await client.open(get({ ...post, what: { verb: 'create', resource: 'events' } }));
    expect(response).toMatchObject({ status: 201, mediaType: 'application/json' });
    for await (const _ of response.body);
    expect(await read(client, get({ path: post.path }))).toContain('"ü"');
    expect(api.connections.handshakes).toBe(1);
  });
});

describe('TLS that fails', () => {
  it.each([
    [{ authority: 'other' }, /another authority than the given one signed/],
    [{ expired: true }, /the server's certificate has expired/],
    [{ names: ['elsewhere.example'] }, /is not for 127\.0\.0\.1 but for DNS:elsewhere\.example/],
  ] as const)('%o', async (presented, reason) => {
    await api.present(presented);
    const error = await failureOf(read(await connected()));
    expect(error).toMatchObject({ code: 'NP-API-003', message: expect.stringMatching(reason) });
  });

  it('the name that tls-server-name gives is asked for; an address given instead of the server ends that', async () => {
    await api.present({ names: ['inside.example'] });
    const user = { token: 't' };
    const kubeconfig = await api.writeKubeconfig('named', user, { 'tls-server-name': 'inside.example' });
    expect(await read(await connected({ kubeconfig }))).toContain('"web"');
    const error = await failureOf(read(await connected({ kubeconfig, server: api.url })));
    expect(error).toMatchObject({ code: 'NP-API-003' });
  });

  it('the authority holds for an address that is given instead of the server', async () => {
    const kubeconfig = await api.writeKubeconfig('elsewhere', {}, { server: 'https://192.0.2.1:1' });
    const server = api.url.replace('127.0.0.1', 'localhost');
    expect(await read(await connected({ kubeconfig, server }))).toContain('"web"');
  });

  it('verifies nothing when the kubeconfig says so', async () => {
    await api.present({ authority: 'other' });
    const cluster = { 'insecure-skip-tls-verify': true };
    expect(
      await read(await connected({ kubeconfig: await api.writeKubeconfig('lax', {}, cluster) })),
    ).toContain('"web"');
  });

  it('a server that speaks something else', async () => {
    const talker = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-OpenSSH\r\n');
    });
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve));
    const { port } = portOf(talker.address());
    try {
      const secure = await connected({ server: `https://127.0.0.1:${port}` });
      expect(await failureOf(read(secure))).toMatchObject({
        code: 'NP-API-003',
        message: expect.stringContaining('does not speak TLS'),
      });
      const plain = await connected({ server: `http://127.0.0.1:${port}` });
      expect(await failureOf(read(plain))).toMatchObject({ code: 'NP-API-007' });
    } finally {
      talker.close();
    }
  });

  it('a head without end', async () => {
    const talker = createHttpServer((_, response) => {
      response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end();
    });
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve));
    try {
      const client = await connected({ server: `http://127.0.0.1:${portOf(talker.address()).port}` });
      expect(await failureOf(read(client))).toMatchObject({ code: 'NP-API-007' });
    } finally {
      talker.close();
    }
  });

  it('a new authority in the file is picked up without a restart, and connections under way go on', async () => {
    const file = join(api.directory, 'ca.crt');
    await writeFile(file, 'x');
    const cluster = { 'certificate-authority': file };
    const kubeconfig = await api.writeKubeconfig('rotated', {}, cluster);
    await writeFile(file, authority());
    const client = await connected({ kubeconfig });
    const watch = await client.open(get({ path: `${path}?watch=true` }));
    const events = watch.body[Symbol.asyncIterator]();
    await events.next();
    await read(client);
    await api.present({ authority: 'other' });
    await writeFile(file, other());
    expect(await read(client)).toContain('"web"');
    expect(api.connections.handshakes).toBe(3);
    await vi.waitFor(() => expect(api.connections.open).toBe(2));
    api.put(service({ name: 'later', clusterIPs: ['10.0.0.2'], ports: [{ port: 80 }] }));
    expect(String((await events.next()).value)).toContain('"later"');
    await writeFile(file, '');
    expect(await failureOf(read(client))).toMatchObject({
      code: 'NP-API-009',
      message: expect.stringContaining(`(${file}) holds no certificate`),
    });
  });
});

function authority(): string {
  return readFile(api.authorityFile);
}

function other(): string {
  return readFile(join(api.directory, 'other-authority.crt'));
}

function portOf(address: AddressInfo | string | null): AddressInfo {
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
  return address;
}

function readFile(file: string): string {
  return readFileSync(file, 'utf8');
}
