import type { Family } from '../../src/model/address.ts';
import { type Json, node, type PortOptions, service, slice } from '../conformance/objects.ts';

/** The node under test. */
export const nodeA: Json = node({ name: 'node-a', addresses: ['192.168.50.11', 'fd00:50::11'] });

export interface WebOptions {
  readonly endpoints?: readonly string[];
  readonly port?: Partial<PortOptions>;
  readonly spec?: Json;
  readonly families?: readonly Family[];
}

/** Number of a Service to its ClusterIP. */
function vip(number: number, family: Family): string {
  return family === 'IPv4' ? `172.30.${number >> 7}.${number & 127}` : `fd00:172:30::${number.toString(16)}`;
}

/** Service `s<number>` of one port with endpoints of its own: by default one, `10.244.x.y`. */
export function web(number: number, options: WebOptions = {}): readonly Json[] {
  const { families = ['IPv4'], port = {}, spec = {} } = options;
  const name = `s${number}`;
  const ports = [{ port: 80, ...port }];
  const { endpoints = families.map((family) => pod(number, family)) } = options;
  return [
    service({ name, clusterIPs: families.map((family) => vip(number, family)), ports, spec }),
    ...families.map((family) =>
      slice({
        of: name,
        suffix: family.toLowerCase(),
        family,
        ports: [{ ...port, port: 8080 }],
        endpoints: endpoints
          .filter((address) => address.includes(':') === (family === 'IPv6'))
          .map((address) => ({ address })),
      }),
    ),
  ];
}

/** Address of the endpoint of a Service. */
export function pod(number: number, family: Family = 'IPv4'): string {
  return family === 'IPv4' ? `10.244.${number >> 7}.${number & 127}` : `fd00:10:244::${number.toString(16)}`;
}

/** Services 0 to `count` - 1. */
export function webs(count: number, options: WebOptions = {}): readonly Json[] {
  return Array.from({ length: count }, (_, number) => web(number, options)).flat();
}
