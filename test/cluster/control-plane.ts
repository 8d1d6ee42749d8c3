import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Family } from '../../src/model/address.ts';
import { type Authority, createAuthority, type KeyPair } from '../api-server/certificates.ts';
import { Api } from './api.ts';
import { binary } from './binaries.ts';
import { createBridge } from './bridge.ts';
import { Component } from './component.ts';
import { Etcd } from './etcd.ts';
import { apiServerArguments, etcdArguments, ports } from './flags.ts';
import type { Host } from './host.ts';
import { kubeconfig } from './kubeconfig.ts';
import { until } from './until.ts';
import { administrator, agentRole, agentUser, type User } from './users.ts';

/** All that the control plane writes, as its programs see it. */
const directory = '/run/control-plane';

/** A name in the API server's certificate. */
const serverName = 'kubernetes';

const readyMilliseconds = 120_000;

interface Components {
  readonly bridge: Component;
  readonly etcd: Component;
  readonly apiServer: Component;
}

/**
 * A real etcd and a real kube-apiserver with RBAC. All they write lies in the /run of the host's world, so that nothing is left when the
 * world is closed.
 * @throws Error with the last lines of both when the API server does not become ready.
 */
export async function startControlPlane(host: Host): Promise<ControlPlane> {
  const programs = { etcd: await binary('etcd'), apiServer: await binary('kube-apiserver') };
  await mkdir(host.path(directory), { recursive: true });
  const authority = await createAuthority(host.path(directory), 'ca');
  const components = await makeComponents(host, authority, programs);
  const { name, groups } = administrator;
  const plane = new ControlPlane(host, authority, components, await authority.client(name, groups));
  try {
    for (const each of Object.values(components)) each.start();
    await plane.ready();
    for (const object of agentRole) await plane.api.create(object);
    return plane;
  } catch (error) {
    await plane.close();
    throw new Error(`the control plane did not start:\n${plane.lastWords()}`, { cause: error });
  }
}

export class ControlPlane implements AsyncDisposable {
  readonly etcd: Component;
  readonly apiServer: Component;
  /** As `system:masters`. */
  readonly api: Api;
  /** Behind the API server's back. */
  readonly storage: Etcd;
  readonly #host: Host;
  readonly #authority: Authority;
  readonly #bridge: Component;

  /** Use {@link startControlPlane}. */
  constructor(host: Host, authority: Authority, { bridge, etcd, apiServer }: Components, admin: KeyPair) {
    this.#host = host;
    this.#authority = authority;
    this.#bridge = bridge;
    this.etcd = etcd;
    this.apiServer = apiServer;
    this.api = this.#apiWith(admin);
    this.storage = new Etcd(host.path(`${directory}/etcd.sock`));
  }

  /** `https://192.168.50.12:6443`: for whoever is in a namespace of the world. */
  server(family: Family = 'IPv4'): string {
    const address = this.#host.address(family);
    return `https://${family === 'IPv6' ? `[${address}]` : address}:${ports.apiServer}`;
  }

  /**
   * Writes a kubeconfig with a new certificate and returns its path as the world's programs see it.
   * @param server what it names, when it is not {@link ControlPlane.server}.
   */
  async kubeconfig({ name, groups }: User, server: string = this.server()): Promise<string> {
    const pair = await this.#authority.client(name, groups);
    const text = kubeconfig({ server, user: name, authority: this.#authority.certificate, ...pair });
    const path = `${directory}/${basename(pair.keyFile, '.key')}.kubeconfig`;
    await writeFile(this.#host.path(path), text, { mode: 0o600 });
    return path;
  }

  /** For the agent of a node, which may do what users.ts says and no more. */
  agentKubeconfig(node: string, server?: string): Promise<string> {
    return this.kubeconfig(agentUser(node), server);
  }

  /** The API as another user has it. Whoever asks closes it. */
  async apiAs({ name, groups }: User): Promise<Api> {
    return this.#apiWith(await this.#authority.client(name, groups));
  }

  /** Resolves when the API server serves. @throws Error when it does not in time, or has ended. */
  async ready(): Promise<void> {
    await until(
      () => 'the API server is ready',
      readyMilliseconds,
      async () => {
        for (const { name, running } of [this.etcd, this.apiServer]) {
          if (!running) throw new Error(`${name} has ended`);
        }
        const answer = await this.api.request('GET', '/readyz').catch(() => undefined);
        return answer?.status === 200;
      },
    );
  }

  /** Ends the API server, with SIGKILL as a crash does, and starts it again. Resolves when it serves. */
  async restartApiServer(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    await this.apiServer.stop(signal);
    this.apiServer.start();
    await this.ready();
  }

  /** What its programs said at last, for messages of failures. */
  lastWords(lines = 25): string {
    return [this.etcd, this.apiServer, this.#bridge]
      .map((each) => [`=== ${each.name}`, ...each.lines.slice(-lines)].join('\n'))
      .join('\n');
  }

  async close(): Promise<void> {
    this.api.close();
    // Nothing is worth keeping, so nobody is asked to say good-bye.
    await Promise.all([this.apiServer, this.etcd, this.#bridge].map((each) => each.stop('SIGKILL')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #apiWith({ certificate, key }: KeyPair): Api {
    const socketPath = this.#host.path(`${directory}/apiserver.sock`);
    const ca = this.#authority.certificate;
    return new Api({ socketPath, servername: serverName, ca, cert: certificate, key });
  }
}

async function makeComponents(
  host: Host,
  authority: Authority,
  programs: { readonly etcd: string; readonly apiServer: string },
): Promise<Components> {
  const addresses = ['127.0.0.1', '::1', host.address('IPv4'), host.address('IPv6')];
  const serving = await authority.server('apiserver', [serverName, 'localhost', ...addresses]);
  const seenInside = (file: string): string => join(directory, basename(file));
  const apiServerFlags = apiServerArguments({
    directory,
    advertised: host.address('IPv4'),
    authority: seenInside(authority.certificateFile),
    certificate: seenInside(serving.certificateFile),
    key: seenInside(serving.keyFile),
  });
  return {
    bridge: createBridge(host, {
      [`${directory}/apiserver.sock`]: `127.0.0.1:${ports.apiServer}`,
      [`${directory}/etcd.sock`]: `127.0.0.1:${ports.etcd}`,
    }),
    etcd: new Component('etcd', () => host.start([programs.etcd, ...etcdArguments(directory)])),
    apiServer: new Component('kube-apiserver', () => host.start([programs.apiServer, ...apiServerFlags])),
  };
}
