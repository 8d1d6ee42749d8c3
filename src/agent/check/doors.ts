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

/**
 * Who answers at the metrics and health addresses, kube-proxy's usual ones and ours: the configuration may be that of the kube-proxy that is
 * to go. The doors tell of every kube-proxy in our network namespace, also of one in a container of its own or inside a greater program
 * (k3s, RKE2), unless it was told to close both or to listen elsewhere.
 */
export async function askDoors(ask: Ask, serving: ServingSettings): Promise<readonly DoorKeeper[]> {
  const looks = [
    ...doorsOf(serving.metrics, 10_249).map((door) => lookAtMetricsDoor(ask, door)),
    ...doorsOf(serving.healthz, 10_256).map((door) => lookAtHealthDoor(ask, door)),
  ];
  return (await Promise.all(looks)).filter((keeper) => keeper !== undefined);
}

function doorsOf(configured: ListenAddress | undefined, usualPort: number): readonly ListenAddress[] {
  const ports = new Set([usualPort, configured?.port ?? usualPort]);
  const doors = [...ports].flatMap((port) => ['127.0.0.1', '::1'].map((address) => ({ address, port })));
  const isCovered = configured === undefined || loopbackAnswers.has(configured.address);
  return isCovered ? doors : [...doors, configured];
}

/** Who listens on one of these is reached over loopback. */
const loopbackAnswers: ReadonlySet<string> = new Set(['0.0.0.0', '::', '127.0.0.1', '::1']);

/** `/configz` names the group of each configuration, ours besides kube-proxy's. In k3s it holds those of all parts. */
async function lookAtMetricsDoor(ask: Ask, door: ListenAddress): Promise<DoorKeeper | undefined> {
  const answer = await ask(door, '/configz');
  if (answer === undefined) return undefined;
  const documents = fieldsOf(answer);
  const nodeplane = documents.get('nodeplane.dev');
  const url = urlOf(door);
  const mode = modeIn(await ask(door, '/proxyMode'));
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

function fieldsOf({ body }: DoorAnswer): ReadonlyMap<string, unknown> {
  try {
    return fields(JSON.parse(body));
  } catch {
    // Somebody else, who does not speak JSON.
    return new Map();
  }
}

function fields(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}
