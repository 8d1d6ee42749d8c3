import type { ListenAddress, ServingSettings } from '../../config/defaults.ts';
import { type Ask, type DoorAnswer, urlOf } from './door.ts';

/** A service proxy that answers at one of the doors that kube-proxy has. */
export interface DoorKeeper {
  readonly kind: 'kube-proxy' | 'nodeplane';
  /** `http://127.0.0.1:10249` */
  readonly url: string;
  /** `iptables`; undefined where the door does not tell. */
  readonly mode: string | undefined;
  /** Of a nodeplane that tells its configuration: the Services it serves, undefined for those without such a label. */
  readonly told: { readonly serviceProxyName: string | undefined } | undefined;
}

/** How doors are found and asked. */
export interface DoorEyes {
  readonly readListeners: () => Promise<readonly ListenAddress[]>;
  readonly ask: Ask;
}

/**
 * Who answers at the ports for metrics and health, kube-proxy's usual ones and ours: the configuration may be that of the kube-proxy that is
 * to go. The doors tell of every kube-proxy in our network namespace, also of one in a container of its own or inside a greater program
 * (k3s, RKE2), unless it was told to close both or to use other ports. Where nobody listens nobody is asked, so that no packet is sent.
 */
export async function askDoors(
  { readListeners, ask }: DoorEyes,
  { metrics, healthz }: ServingSettings,
): Promise<readonly DoorKeeper[]> {
  const listeners = await readListeners();
  const doorsOf = (ports: readonly (number | undefined)[]): readonly ListenAddress[] =>
    listeners.filter(({ port }) => ports.includes(port)).flatMap(reachable);
  const looks = [
    ...doorsOf([10_249, metrics?.port]).map((door) => lookAtMetricsDoor(ask, door)),
    ...doorsOf([10_256, healthz?.port]).map((door) => lookAtHealthDoor(ask, door)),
  ];
  return (await Promise.all(looks)).filter((keeper) => keeper !== undefined);
}

/** Who listens on all addresses is asked over loopback; a socket for `::` takes IPv4 as well, unless it was told not to. */
function reachable({ address, port }: ListenAddress): readonly ListenAddress[] {
  if (address === '0.0.0.0') return [{ address: '127.0.0.1', port }];
  if (address === '::') return ['127.0.0.1', '::1'].map((each) => ({ address: each, port }));
  return [{ address, port }];
}

/** `/configz` names the group of each configuration, ours besides kube-proxy's. In k3s it holds those of all parts. */
async function lookAtMetricsDoor(ask: Ask, door: ListenAddress): Promise<DoorKeeper | undefined> {
  const [configz, proxyMode] = await Promise.all([ask(door, '/configz'), ask(door, '/proxyMode')]);
  const documents = fieldsOf(configz);
  const nodeplane = documents.get('nodeplane.dev');
  const url = urlOf(door);
  const mode = modeIn(proxyMode);
  if (nodeplane !== undefined) {
    const name = fields(nodeplane).get('serviceProxyName');
    const serviceProxyName = typeof name === 'string' && name !== '' ? name : undefined;
    return { kind: 'nodeplane', url, mode, told: { serviceProxyName } };
  }
  const isKubeProxy = documents.has('kubeproxy.config.k8s.io') || mode !== undefined;
  return isKubeProxy ? { kind: 'kube-proxy', url, mode, told: undefined } : undefined;
}

const modes: ReadonlySet<string> = new Set(['iptables', 'ipvs', 'nftables']);

function modeIn(answer: DoorAnswer | undefined): string | undefined {
  return answer?.status === 200 && modes.has(answer.body) ? answer.body : undefined;
}

/** Healthy or not, both times are in the answer; 1.36 adds more. nodeplane gives the same one, but says who it is. */
async function lookAtHealthDoor(ask: Ask, door: ListenAddress): Promise<DoorKeeper | undefined> {
  const answer = await ask(door, '/healthz');
  if (answer === undefined) return undefined;
  const about = { url: urlOf(door), mode: undefined, told: undefined };
  if (answer.server === 'nodeplane') return { kind: 'nodeplane', ...about };
  const said = fieldsOf(answer);
  return said.has('lastUpdated') && said.has('currentTime') ? { kind: 'kube-proxy', ...about } : undefined;
}

function fieldsOf(answer: DoorAnswer | undefined): ReadonlyMap<string, unknown> {
  try {
    return fields(JSON.parse(answer?.body ?? ''));
  } catch {
    // Nobody, or somebody who does not speak JSON.
    return new Map();
  }
}

function fields(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}
