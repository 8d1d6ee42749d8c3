/**
 * A scripted Kubernetes API server over real TLS sockets.
 *
 *     const api = await startApiServer();                      // 127.0.0.1, own authority, any free port
 *     api.put(service({ … }));                                 // test/conformance/objects.ts makes objects
 *     const client = await connect({ kubeconfig: api.kubeconfig, server: undefined, environment: {} });
 *     api.fail({ kind: 'reset' }, { path: '/api/v1/services', watch: true, times: 3 });   // faults.ts lists them
 *     api.set({ watchList: 'refused', oldSelectors: true, tokens: ['t1'], forbidden: ['watch services'] });
 *     api.compact();                                           // watches from older versions get 410
 *     api.network('refuse');                                   // or 'reset', 'silent', 'up'; api.cut() ends all connections
 *     api.requests.mostPerSecond('/api/v1/services');
 *     await api.present({ authority: 'other' });               // another server certificate
 *     await api.stop();
 *
 * `main.mts` runs it as a program of its own, steered by JSON lines.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, type KeyPair } from './certificates.ts';
import { createDoor, type Door } from './door.ts';
import { createFaults, type Fault, type When } from './faults.ts';
import { createHandle, type Settings } from './handle.ts';
import { createLog, type Log, seenOf } from './requests.ts';
import { inside, type Json, keyOf, resourceOf } from './resources.ts';
import { createStore, type Store } from './store.ts';

export interface ApiServerOptions {
  /** Address to listen on; 127.0.0.1 unless told otherwise. */
  readonly address?: string;
  /** 0: any that is free. */
  readonly port?: number;
  /** More names and addresses for the certificate, beside 127.0.0.1, ::1, localhost and the address. */
  readonly names?: readonly string[];
  /** http:// without TLS. */
  readonly plain?: boolean;
  readonly settings?: Partial<Settings>;
}

/** Another certificate for the server: of the same authority or of one that the kubeconfig does not know, for these names, or expired. */
export interface Presented {
  readonly authority?: 'same' | 'other';
  readonly names?: readonly string[];
  readonly expired?: boolean;
}

export interface ApiServer {
  /** `https://127.0.0.1:41234`. */
  readonly url: string;
  /** Kubeconfig with the authority and a client certificate. */
  readonly kubeconfig: string;
  /** Where certificates and kubeconfigs lie; removed by stop(). */
  readonly directory: string;
  /** Of the authority that signed the server's first certificate. */
  readonly authorityFile: string;
  readonly store: Store;
  readonly requests: Log;
  readonly connections: Door['counts'];
  put(...objects: readonly Json[]): void;
  remove(object: Json): void;
  compact(): void;
  set(settings: Partial<Settings>): void;
  /** @returns ends the fault. */
  fail(fault: Fault, when?: When): () => void;
  clearFaults(): void;
  readonly network: Door['network'];
  /** Resets all connections. */
  cut(): void;
  present(certificate: Presented): Promise<void>;
  /** A certificate that the server accepts from a client. */
  clientCertificate(user: string): Promise<KeyPair>;
  /** Writes a kubeconfig. @param user fields of its user. @param cluster fields beside server and authority. */
  writeKubeconfig(name: string, user: Json, cluster?: Json): Promise<string>;
  stop(): Promise<void>;
}

const defaults: Settings = {
  watchList: 'served',
  bookmarkMilliseconds: 60_000,
  oldSelectors: false,
  serviceCidrs: true,
  tokens: undefined,
  forbidden: [],
};

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'nodeplane-api-'));
  try {
    return await startIn(directory, options);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(directory: string, options: ApiServerOptions): Promise<ApiServer> {
  const { address = '127.0.0.1', names = [], plain = false } = options;
  const allNames = [...new Set(['127.0.0.1', '::1', 'localhost', address, ...names])];
  const authority = await createAuthority(directory, 'authority');
  const [first, client] = await Promise.all([
    authority.server('server', allNames),
    authority.client('nodeplane', ['system:nodes']),
  ]);
  const store = createStore();
  const faults = createFaults();
  const log = createLog();
  let settings = { ...defaults, ...options.settings };
  const handle = createHandle(store, faults, () => settings);
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch(() => response.destroy());
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.on('error', () => undefined);
    const url = new URL(request.url ?? '/', 'https://server');
    const seen = seenOf(request, url);
    log.add(seen);
    const body = await textOf(request);
    handle({ seen, query: url.searchParams, body, wire: { response, raw: door.rawOf(request.socket) } });
  };
  const tls = plain ? undefined : createTlsServer(tlsOptions(first, authority), serve);
  const http: HttpServer = tls ?? createServer(serve);
  http.keepAliveTimeout = 90_000;
  const door = createDoor(http, address, options.port ?? 0);
  tls?.on('secureConnection', door.secured);
  await door.network('up');
  const host = address.includes(':') ? `[${address}]` : address;
  const url = `${plain ? 'http' : 'https'}://${host}:${door.port()}`;
  const writeKubeconfig = (name: string, user: Json, cluster: Json = {}): Promise<string> =>
    writeConfig(join(directory, name), {
      user,
      cluster: {
        server: url,
        ...(plain ? {} : { 'certificate-authority': authority.certificateFile }),
        ...cluster,
      },
    });
  return {
    url,
    kubeconfig: await writeKubeconfig('kubeconfig', {
      'client-certificate': client.certificateFile,
      'client-key': client.keyFile,
    }),
    directory,
    authorityFile: authority.certificateFile,
    store,
    requests: log,
    connections: door.counts,
    put(...objects) {
      for (const object of objects) store.put(object);
    },
    remove(object) {
      const { namespace, name } = inside(object, 'metadata');
      store.remove(resourceOf(object), keyOf({ metadata: { namespace, name } }));
    },
    compact: store.compact,
    set(changed) {
      settings = { ...settings, ...changed };
    },
    fail: faults.add,
    clearFaults: faults.clear,
    network: door.network,
    cut: door.cut,
    async present({ authority: by = 'same', names: others = allNames, expired = false }) {
      const signer = by === 'same' ? authority : await createAuthority(directory, 'other-authority');
      const { certificate: cert, key } = await signer.server('server', others, expired ? -1 : 30);
      tls?.setSecureContext({ cert, key, ca: authority.certificate });
    },
    clientCertificate: (user) => authority.client(user),
    writeKubeconfig,
    async stop() {
      door.close();
      http.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function tlsOptions({ certificate, key }: KeyPair, authority: KeyPair): object {
  return { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

/** JSON is YAML too. */
async function writeConfig(file: string, { user, cluster }: { user: Json; cluster: Json }): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
  };
  await writeFile(file, JSON.stringify(config, undefined, 2));
  return file;
}
