import { familyOf } from './address.ts';
import { kept } from './kept.ts';
import { isDnsLabel } from './names.ts';
import { printable } from './printable.ts';
import { at, type Field, integerAt, itemsAt, type Report, recordAt, recordsAt, wordAt } from './read.ts';
import { addressesIn, addressIn, cidrsIn, nonSpecial } from './read-address.ts';
import { hasLabel, labelOf, type Named, type Notes, type Read, readObject } from './read-object.ts';
import { readServicePorts } from './read-service-ports.ts';
import type { Service } from './service.ts';

/** Gives a Service to the proxy of that name (KEP-2447). kube-proxy leaves out Services that carry it, whatever its value. */
export const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';

const types = ['ClusterIP', 'NodePort', 'LoadBalancer'] as const;
const policies = ['Cluster', 'Local'] as const;
/** Seconds; the API server's default and limit of ClientIP affinity. */
const affinity = { default: 10_800, range: [1, 86_400] } as const;

/**
 * A Service (v1) from the JSON of the Kubernetes API. Never throws.
 * @param proxyName the name that we serve under; undefined: we serve what kube-proxy serves.
 */
export function readService(raw: unknown, proxyName?: string): Read<Service> {
  return readObject(
    {
      kind: 'Service',
      namespaced: true,
      isName: isDnsLabel,
      nameRule: 'a DNS label of at most 63 characters',
      ignored: (object) => ignored(object, proxyName),
      build,
    },
    raw,
  );
}

function ignored(object: Named, proxyName: string | undefined): string | undefined {
  if (!isFor(proxyName, object)) return `label ${proxyNameLabel}: for another proxy`;
  const spec = at(object.root, 'spec');
  if (at(spec, 'type').value === 'ExternalName') return 'type ExternalName';
  const first = firstClusterIP(spec).value;
  return first === undefined || first === '' || first === 'None' ? 'no cluster IP' : undefined;
}

function isFor(proxyName: string | undefined, object: Named): boolean {
  if (proxyName === undefined) return !hasLabel(object, proxyNameLabel);
  return labelOf(object, proxyNameLabel) === proxyName;
}

function build({ namespace, name, uid, root }: Named, notes: Notes): Service {
  const { refuse } = notes;
  const spec = recordAt(root, 'spec', refuse);
  const type = wordAt(spec, 'type', types, refuse);
  const externalTrafficPolicy = wordAt(spec, 'externalTrafficPolicy', policies, refuse);
  const healthCheckNodePort = integerAt(spec, 'healthCheckNodePort', [0, 65_535], refuse) ?? 0;
  const sourceRanges = cidrsIn(itemsAt(spec, 'loadBalancerSourceRanges', refuse), refuse);
  const balanced = type === 'LoadBalancer';
  return {
    namespace,
    name,
    uid,
    type,
    clusterIPs: kept(readClusterIPs(spec, refuse)),
    externalIPs: kept(addressesIn(itemsAt(spec, 'externalIPs', refuse), notes.leaveOut, nonSpecial)),
    loadBalancerIPs: kept(balanced ? readLoadBalancerIPs(root, notes) : []),
    loadBalancerSourceRanges: kept(balanced ? sourceRanges : []),
    ports: kept(readServicePorts(spec, type !== 'ClusterIP', refuse)),
    affinitySeconds: readAffinity(spec, refuse),
    internalTrafficPolicy: wordAt(spec, 'internalTrafficPolicy', policies, refuse),
    externalTrafficPolicy,
    healthCheckNodePort: balanced && externalTrafficPolicy === 'Local' ? healthCheckNodePort : 0,
  };
}

/** `clusterIPs`, or the older `clusterIP` when that is absent: at most one address of each family. */
function readClusterIPs(spec: Field, refuse: Report): readonly string[] {
  const first = firstClusterIP(spec);
  const listed = itemsAt(spec, 'clusterIPs', refuse);
  const fields = listed.length === 0 ? [first] : listed;
  const addresses = fields.map((field) => addressIn(field, refuse)).filter((ip) => ip !== undefined);
  if (new Set(addresses.map(familyOf)).size < addresses.length) {
    refuse(at(spec, 'clusterIPs'), 'must hold at most one address of each family');
  }
  const single = listed.length === 0 ? undefined : addressIn(at(spec, 'clusterIP'), refuse);
  if (single !== undefined && single !== addresses[0]) {
    refuse(at(spec, 'clusterIP'), 'must be the first of clusterIPs');
  }
  return addresses;
}

function firstClusterIP(spec: Field): Field {
  const list = at(spec, 'clusterIPs').value;
  if (!Array.isArray(list)) return list === undefined ? at(spec, 'clusterIP') : at(spec, 'clusterIPs');
  if (list.length === 0) return at(spec, 'clusterIP');
  const value: unknown = list[0];
  return { path: 'spec.clusterIPs[0]', value: value ?? undefined };
}

/** Addresses that the node captures: `ipMode` Proxy means that the balancer wants the traffic itself (KEP-1860). */
function readLoadBalancerIPs(root: Field, { leaveOut }: Notes): readonly string[] {
  const status = recordAt(root, 'status', leaveOut);
  const balancer = recordAt(status, 'loadBalancer', leaveOut);
  const captured = recordsAt(balancer, 'ingress', leaveOut).filter((ingress) => {
    const mode = at(ingress, 'ipMode');
    if (mode.value === undefined || mode.value === 'VIP') return true;
    if (mode.value !== 'Proxy') leaveOut(mode, `must be VIP or Proxy, is ${printable(mode.value)}`);
    return false;
  });
  return addressesIn(
    captured.map((ingress) => at(ingress, 'ip')),
    leaveOut,
  );
}

function readAffinity(spec: Field, refuse: Report): number | undefined {
  if (wordAt(spec, 'sessionAffinity', ['None', 'ClientIP'], refuse) === 'None') return undefined;
  const config = recordAt(spec, 'sessionAffinityConfig', refuse);
  const clientIP = recordAt(config, 'clientIP', refuse);
  return integerAt(clientIP, 'timeoutSeconds', affinity.range, refuse) ?? affinity.default;
}
