import { mkdir, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Family } from '../../src/model/address.ts';
import { type Authority, createAuthority, type KeyPair } from '../api-server/certificates.ts';
import { Api, type Credentials } from './api.ts';
import type { Component } from './component.ts';
import { type Components, makeComponents, serverName } from './components.ts';
import { Etcd } from './etcd.ts';
import { ports, serviceNetworks as usualNetworks } from './flags.ts';
import type { Host } from './host.ts';
import { agentToken, grantShippedRights, writeAgentFiles } from './identity.ts';
import { kubeconfig } from './kubeconfig.ts';
import { until } from './until.ts';
import { administrator, controllerManagerUser, type User } from './users.ts';

/** All that the control plane writes, as its programs see it. */
const directory = '/run/control-plane';

const readyMilliseconds = 120_000;

export interface ControlPlaneOptions {
  /** Whether controllers run; without them nobody makes Pods and EndpointSlices of Deployments and Services. False when undefined. */
  readonly controllers?: boolean;
  /** Where ClusterIPs are from, one per family, at most 65,536 addresses each; see flags.ts when undefined. */
  readonly serviceNetworks?: readonly string[];
}

/**
 * A real etcd, a real kube-apiserver with RBAC and, if wanted, a real kube-controller-manager. All they write lies in the /run of the host's
 * world, so that nothing is left when the world is closed.
 * @throws Error with the last lines of all of them when the API server does not become ready.
 */
export async function startControlPlane(
  host: Host,
  { controllers = false, serviceNetworks = usualNetworks }: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  await mkdir(host.path(directory), { recursive: true });
  const authority = await createAuthority(host.path(directory), 'ca');
  const files = { host, authority };
  const controllerKubeconfig = await writeKubeconfig(files, controllerManagerUser, serverUrl(host));
  const components = await makeComponents({ ...files, directory, controllerKubeconfig, serviceNetworks });
  const { name, groups } = administrator;
  const plane = new ControlPlane(files, components, await authority.client(name, groups));
  try {
    await plane.start(controllers);
    return plane;
  } catch (error) {
    await plane.close();
    throw new Error(`the control plane did not start:\n${plane.lastWords()}`, { cause: error });
  }
}

interface Files {
  readonly host: Host;
  readonly authority: Authority;
}

export class ControlPlane implements AsyncDisposable {
  readonly etcd: Component;
  readonly apiServer: Component;
  readonly controllerManager: Component;
  /** As `system:masters`. */
  readonly api: Api;
  /** Behind the API server's back. */
  readonly storage: Etcd;
  readonly #files: Files;
  readonly #bridge: Component;

  /** Use {@link startControlPlane}. */
  constructor(files: Files, components: Components, admin: KeyPair) {
    this.#files = files;
    this.#bridge = components.bridge;
    this.etcd = components.etcd;
    this.apiServer = components.apiServer;
    this.controllerManager = components.controllerManager;
    this.api = this.#apiWith({ kind: 'certificate', ...admin });
    this.storage = new Etcd(files.host.path(`${directory}/etcd.sock`));
  }

  /** Resolves when the API server serves, what is shipped for the agent is there, and the controllers work. */
  async start(controllers: boolean): Promise<void> {
    for (const each of [this.#bridge, this.etcd, this.apiServer]) each.start();
    await this.ready();
    if (controllers) this.controllerManager.start();
    // What the API server makes for itself comes a moment after it is ready.
    await this.#untilThere('the namespace kube-system', '/api/v1/namespaces/kube-system');
    await grantShippedRights(this.api);
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    if (controllers) await this.#untilThere('the account of all Pods', account);
  }

  /** `https://192.168.50.12:6443`: for whoever is in a namespace of the world. */
  server(family: Family = 'IPv4'): string {
    return serverUrl(this.#files.host, family);
  }

  /**
   * Writes a kubeconfig with a new certificate and returns its path as the world's programs see it.
   * @param server what it names, when it is not {@link ControlPlane.server}.
   */
  kubeconfig(user: User, server: string = this.server()): Promise<string> {
    return writeKubeconfig(this.#files, user, server);
  }

  /** The same for the agent of a node: a token of the ServiceAccount that is shipped, whose rights are those that are shipped. */
  async agentKubeconfig(node: string, server: string = this.server()): Promise<string> {
    const { host, authority } = this.#files;
    const of = { server, authority: authority.certificate, token: await agentToken(this.api) };
    return writeAgentFiles(host, `${directory}/agents/${node}`, of);
  }

  /** The API as another user has it. Whoever asks closes it. */
  async apiAs({ name, groups }: User): Promise<Api> {
    const pair = await this.#files.authority.client(name, groups);
    return this.#apiWith({ kind: 'certificate', ...pair });
  }

  /** The API as agents have it. Whoever asks closes it. */
  async apiAsAgent(): Promise<Api> {
    return this.#apiWith({ kind: 'token', token: await agentToken(this.api) });
  }

  /** Resolves when the API server serves. @throws Error when it does not in time, or has ended. */
  ready(): Promise<void> {
    return this.#untilThere('the API server is ready', '/readyz');
  }

  /** Ends the API server, with SIGKILL as a crash does, and starts it again. Resolves when it serves. */
  async restartApiServer(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    await this.apiServer.stop(signal);
    this.apiServer.start();
    await this.ready();
  }

  /** What its programs said at last, for messages of failures. */
  lastWords(lines = 25): string {
    return [this.etcd, this.apiServer, this.controllerManager, this.#bridge]
      .map((each) => [`=== ${each.name}`, ...each.lines.slice(-lines)].join('\n'))
      .join('\n');
  }

  async close(): Promise<void> {
    this.api.close();
    const all = [this.controllerManager, this.apiServer, this.etcd, this.#bridge];
    // Nothing is worth keeping, so nobody is asked to say good-bye.
    await Promise.all(all.map((each) => each.stop('SIGKILL')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #untilThere(what: string, path: string): Promise<void> {
    return until(
      () => what,
      readyMilliseconds,
      async () => {
        for (const { name, running } of [this.etcd, this.apiServer]) {
          if (!running) throw new Error(`${name} has ended`);
        }
        const answer = await this.api.request('GET', path).catch(() => undefined);
        return answer?.status === 200;
      },
    );
  }

  #apiWith(credentials: Credentials): Api {
    const { host, authority } = this.#files;
    const socketPath = host.path(`${directory}/apiserver.sock`);
    return new Api({ socketPath, servername: serverName, ca: authority.certificate, credentials });
  }
}

function serverUrl(host: Host, family: Family = 'IPv4'): string {
  const address = host.address(family);
  return `https://${family === 'IPv6' ? `[${address}]` : address}:${ports.apiServer}`;
}

async function writeKubeconfig({ host, authority }: Files, user: User, server: string): Promise<string> {
  const pair = await authority.client(user.name, user.groups);
  const text = kubeconfig({ server, user: user.name, authority: authority.certificate, ...pair });
  const path = `${directory}/${basename(pair.keyFile, '.key')}.kubeconfig`;
  await writeFile(host.path(path), text, { mode: 0o600 });
  return path;
}
