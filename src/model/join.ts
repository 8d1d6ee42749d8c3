import { type Family, families } from './address.ts';
import type { Endpoint, EndpointSlice } from './endpoint.ts';
import { equal } from './equal.ts';
import { kept } from './kept.ts';
import { mergeEndpoints } from './merge-endpoints.ts';
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
  before: readonly Endpoint[] = kept([]),
): readonly Endpoint[] {
  const ports = slices.filter((slice) => slice.family === family).flatMap((slice) => slice.ports);
  const merged = mergeEndpoints(ports.filter((own) => belongs(own, port)).map(({ endpoints }) => endpoints));
  return equal(merged, before) ? before : merged;
}

function belongs(slicePort: Pick<PortSpec, 'name' | 'protocol'>, port: PortSpec): boolean {
  return slicePort.name === port.name && slicePort.protocol === port.protocol;
}
