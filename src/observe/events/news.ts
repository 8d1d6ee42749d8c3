import { NodeplaneError } from '../../errors.ts';
import { type Finding, type FindingCode, findingKinds } from '../../model/finding.ts';
import type { Happening } from '../happening.ts';
import type { News, Regarding } from './event.ts';

/** Reasons and actions of kube-proxy where it has them, so that alerts on its Events keep working. */
const start = 'StartKubeProxy';

/** The Node as the object of an Event. Its uid is its name, as kubelet has it; `kubectl describe node` looks for both. */
function nodeReference(nodeName: string): Regarding {
  return { apiVersion: 'v1', kind: 'Node', namespace: undefined, name: nodeName, uid: nodeName };
}

/** The agent has started. */
export function startNews(nodeName: string, version: string): News {
  const note = `nodeplane ${version}`;
  return { regarding: nodeReference(nodeName), type: 'Normal', reason: 'Starting', action: start, note };
}

type ListenFailed = Extract<Happening, { kind: 'listen-failed' }>;

const serverReasons: Readonly<Record<ListenFailed['server'], string>> = {
  healthz: 'FailedToStartProxierHealthcheck',
  metrics: 'FailedToStartMetricServer',
  'health-check-node-port': 'FailedToStartServiceHealthcheck',
};

/** A server could not listen. @param uid of the Service, when it is its health check. */
export function listenNews(failed: ListenFailed, nodeName: string, uid: string | undefined): News {
  const { server, service, error } = failed;
  const remedy = error instanceof NodeplaneError ? ` ${error.remedy}` : '';
  const note = `node ${nodeName}: ${error.message}${remedy}`;
  const of = { type: 'Warning', reason: serverReasons[server], note } as const;
  const regarding = service === undefined ? undefined : referenceTo(`Service ${service}`, uid);
  if (regarding === undefined) return { ...of, regarding: nodeReference(nodeName), action: start };
  return { ...of, regarding, action: 'Listen' };
}

/** Somebody else changed our rules. */
export function driftNews(drift: Extract<Happening, { kind: 'drift-found' }>, nodeName: string): News {
  const { family, chains } = drift;
  const some = chains.slice(0, 5).join(', ');
  const note = `another program changed ${family} rules of nodeplane, which are repaired: ${some}${chains.length > 5 ? ` and ${chains.length - 5} more chains` : ''}`;
  const regarding = nodeReference(nodeName);
  return { regarding, type: 'Warning', reason: 'RulesChanged', action: 'RepairRules', note };
}

/** Undefined: not worth an Event, because it is about a file or about an object that is none of ours. */
const findingReasons: Readonly<Record<FindingCode, string | undefined>> = {
  'NP-OBJECT-001': 'InvalidObject',
  'NP-OBJECT-002': 'InvalidField',
  'NP-OBJECT-003': 'AddressConflict',
  'NP-OBJECT-004': undefined,
  'NP-OBJECT-005': 'NodeNotFound',
  'NP-OBJECT-006': 'Quarantined',
  'NP-OBJECT-007': 'NoSessionAffinity',
  'NP-OBJECT-008': 'UnsupportedProtocol',
  'NP-SOURCE-001': undefined,
  'NP-SOURCE-002': undefined,
  'NP-SOURCE-003': undefined,
  'NP-SOURCE-004': undefined,
};

/** Something is wrong with an object. */
export function findingNews(finding: Finding, uid: string | undefined): News | undefined {
  const { code, object, field, reason } = finding;
  const word = findingReasons[code];
  const regarding = referenceTo(object, uid);
  if (word === undefined || regarding === undefined) return undefined;
  const what = field === '' ? reason : `${field} ${reason}`;
  const note = `${what}. ${findingKinds[code].remedy} (${code})`;
  return { regarding, type: 'Warning', reason: word, action: 'ProgramRules', note };
}

const versions: ReadonlyMap<string, string> = new Map([
  ['Service', 'v1'],
  ['EndpointSlice', 'discovery.k8s.io/v1'],
  ['Node', 'v1'],
  ['ServiceCIDR', 'networking.k8s.io/v1'],
]);

/** Undefined for a file, and for an object whose name is none: the API server would refuse the Event. */
function referenceTo(object: string, uid: string | undefined): Regarding | undefined {
  const label = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
  const match = object.match(`^(?<kind>[A-Za-z]+) (?:(?<namespace>${label})/)?(?<name>${label})$`);
  const { kind = '', namespace, name = '' } = match?.groups ?? {};
  if (kind === 'Node') return nodeReference(name);
  const apiVersion = versions.get(kind);
  return apiVersion === undefined ? undefined : { apiVersion, kind, namespace, name, uid };
}
