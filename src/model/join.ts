import { addressPort, type Family, families } from './address.ts';
import type { Endpoint, EndpointSlice, SliceEndpoint } from './endpoint.ts';
import { equal } from './equal.ts';
import { kept } from './kept.ts';
import { type PortSpec, type Service, servicePortName } from './service.ts';
import type { ServicePort } from './snapshot.ts';

/** {@link ServicePort.key}: the ServicePortName and the protocol in lower case. */
export function servicePortKey(service: Service, port: PortSpec): string {
  return [servicePortName(service, port), port.protocol.toLowerCase()].join('/');
}

/**
 * One port of a Service with its endpoints out of the Service's slices (in order of their names). As kube-proxy joins them: a
 * slice's port belongs to the Service's port of the same name and protocol. What says the same as in `before` is `before`'s.
 */
export function joinServicePort(
  service: Service,
  port: PortSpec,
  slices: readonly EndpointSlice[],
  before: ServicePort | undefined,
): ServicePort {
  const endpoints = {
    IPv4: joinEndpoints('IPv4', port, slices, before?.endpoints.IPv4),
    IPv6: joinEndpoints('IPv6', port, slices, before?.endpoints.IPv6),
  };
  const name = servicePortName(service, port);
  const key = servicePortKey(service, port);
  if (before === undefined) return { key, name, service, port, endpoints };
  const same = families.every((family) => endpoints[family] === before.endpoints[family]);
  if (same && service === before.service && port === before.port) return before;
  return { key, name, service, port, endpoints: same ? before.endpoints : endpoints };
}

function joinEndpoints(
  family: Family,
  port: PortSpec,
  slices: readonly EndpointSlice[],
  before: readonly Endpoint[] = [],
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const { port: number } of slice.ports.filter((own) => belongs(own, port))) {
      for (const candidate of slice.endpoints) {
        const text = addressPort(candidate.address, number);
        const known = found.get(text);
        if (known === undefined || wins(candidate, known)) found.set(text, atPort(candidate, number));
      }
    }
  }
  const sorted = [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, endpoint]) => endpoint);
  return equal(sorted, before) ? before : kept(sorted);
}

/** Written out: a spread costs a hidden class of V8 for nearly every endpoint. */
function atPort(endpoint: SliceEndpoint, port: number): Endpoint {
  const { address, ready, serving, terminating, nodeName, zone, forNodes, forZones } = endpoint;
  return { address, port, ready, serving, terminating, nodeName, zone, forNodes, forZones };
}

function belongs(slicePort: Pick<PortSpec, 'name' | 'protocol'>, port: PortSpec): boolean {
  return slicePort.name === port.name && slicePort.protocol === port.protocol;
}

/**
 * Whether a later copy of an endpoint replaces an earlier one: a pod's address is used again while the old pod still terminates
 * (kubernetes#135593). Between two of the same standing the first slice by name wins, so that the order of events does not matter.
 */
function wins(
  later: Pick<Endpoint, 'ready' | 'terminating'>,
  earlier: Pick<Endpoint, 'ready' | 'terminating'>,
): boolean {
  if (later.terminating !== earlier.terminating) return earlier.terminating;
  return later.ready && !earlier.ready;
}
