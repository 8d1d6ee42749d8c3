import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../model/address.ts';
import type { ObjectChange } from '../model/change.ts';
import type { Endpoint, EndpointSlice } from '../model/endpoint.ts';
import { values } from '../model/immutable-map.ts';
import { revise } from '../model/revise.ts';
import type { Service } from '../model/service.ts';
import { emptySnapshot, type ServicePort, type Snapshot } from '../model/snapshot.ts';
import {
  both,
  isNothing,
  nothingToLookAt,
  stalenessOf,
  type UdpFlow,
  type UdpFrontends,
  udpFrontends,
  whereToLook,
} from './udp-flows.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);
const empty = emptySnapshot('node-1');

type Endpoints = readonly { readonly at: string; readonly serving: boolean }[];

interface Drawn {
  readonly protocol: 'UDP' | 'TCP';
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  readonly port: number;
  readonly nodePort: number;
  /** Undefined: the Service has no slice. */
  readonly endpoints: Endpoints | undefined;
}

const dns: Drawn = {
  protocol: 'UDP',
  clusterIP: '10.0.0.1',
  externalIPs: [],
  loadBalancerIPs: [],
  port: 53,
  nodePort: 0,
  endpoints: serving('10.1.0.1', '10.1.0.2'),
};

function serving(...addresses: readonly string[]): Endpoints {
  return addresses.map((at) => ({ at, serving: true }));
}

/** Services by number; undefined where there is none. */
function snapshotOf(cluster: readonly (Drawn | undefined)[], before: Snapshot = empty): Snapshot {
  return revise(
    before,
    cluster.flatMap((drawn, number): readonly ObjectChange[] => [
      { kind: 'Service', key: `shop/s${number}`, object: drawn && serviceOf(drawn, number) },
      { kind: 'EndpointSlice', key: `shop/s${number}-a`, object: drawn && sliceOf(drawn, number) },
    ]),
  );
}

function serviceOf({ protocol, clusterIP, port, nodePort, ...addresses }: Drawn, number: number): Service {
  return {
    namespace: 'shop',
    name: `s${number}`,
    type: 'LoadBalancer',
    clusterIPs: [clusterIP],
    externalIPs: addresses.externalIPs,
    loadBalancerIPs: addresses.loadBalancerIPs,
    loadBalancerSourceRanges: [],
    ports: [{ name: 'dns', protocol, port, nodePort }],
    affinitySeconds: undefined,
    internalTrafficPolicy: 'Local',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 0,
    uid: '',
  };
}

function sliceOf({ protocol, endpoints }: Drawn, number: number): EndpointSlice | undefined {
  if (endpoints === undefined) return undefined;
  return {
    namespace: 'shop',
    name: `s${number}-a`,
    serviceName: `s${number}`,
    family: 'IPv4',
    lastChangeTriggerTime: undefined,
    ports: [{ name: 'dns', protocol, port: 5353, endpoints: endpoints.map(endpointOf) }],
  };
}

function endpointOf({ at: address, serving }: { readonly at: string; readonly serving: boolean }): Endpoint {
  const conditions = { ready: false, serving, terminating: true };
  const place = { nodeName: 'node-2', zone: undefined, forNodes: [], forZones: [] };
  return { address, port: 5353, ...conditions, ...place };
}

function flow(to: string, from: string): UdpFlow {
  const [destination = '', port] = to.split(':');
  const [replySource = '', replyPort] = from.split(':');
  return { destination, port: Number(port), replySource, replyPort: Number(replyPort) };
}

function staleness(
  before: readonly (Drawn | undefined)[] | undefined,
  after: readonly (Drawn | undefined)[],
  [to, from]: readonly [string, string],
  family: Family = 'IPv4',
): string {
  const old = before && snapshotOf(before);
  return stalenessOf(frontendsOf(old, snapshotOf(after, old), family), flow(to, from));
}

function frontendsOf(before: Snapshot | undefined, after: Snapshot, family: Family = 'IPv4'): UdpFrontends {
  return udpFrontends(whereToLook(before, after, family), after, family);
}

const one: Drawn = { ...dns, endpoints: serving('10.1.0.1') };
const everywhere: Drawn = {
  ...dns,
  externalIPs: ['192.0.2.1'],
  loadBalancerIPs: ['198.51.100.1'],
  nodePort: 30_053,
};
const toGone = ['10.0.0.1:53', '10.1.0.2:5353'] as const;

describe('a flow', () => {
  it.each<
    [string, readonly Drawn[] | undefined, readonly (Drawn | undefined)[], readonly [string, string], string]
  >([
    ['to an endpoint that is gone', [dns], [one], toGone, 'stale'],
    ['to an endpoint that serves', [dns], [one], ['10.0.0.1:53', '10.1.0.1:5353'], 'fresh'],
    ['to another port of an endpoint', [dns], [one], ['10.0.0.1:53', '10.1.0.1:53'], 'stale'],
    ['to another port of the address', [dns], [one], ['10.0.0.1:54', '10.1.0.2:5353'], 'fresh'],
    [
      'that went nowhere when nobody served',
      [{ ...dns, endpoints: [] }],
      [one],
      ['10.0.0.1:53', '10.0.0.1:53'],
      'stale',
    ],
    ['to a Service that lost all endpoints', [dns], [{ ...dns, endpoints: [] }], toGone, 'stale'],
    ['to a Service whose slices are gone', [dns], [{ ...dns, endpoints: undefined }], toGone, 'stale'],
    ['to a deleted Service', [dns], [undefined], toGone, 'stale'],
    ['to an endpoint that is not ready and terminates but serves', undefined, [dns], toGone, 'fresh'],
    [
      'to an endpoint that does not serve',
      [dns],
      [{ ...dns, endpoints: [{ at: '10.1.0.2', serving: false }] }],
      toGone,
      'stale',
    ],
    [
      'to a load balancer VIP',
      [everywhere],
      [{ ...everywhere, endpoints: [] }],
      ['198.51.100.1:53', '10.1.0.2:5353'],
      'stale',
    ],
    [
      'to an external IP',
      [everywhere],
      [{ ...everywhere, endpoints: [] }],
      ['192.0.2.1:53', '10.1.0.2:5353'],
      'stale',
    ],
    [
      'to an address that the Service gave up',
      [everywhere],
      [dns],
      ['192.0.2.1:53', '10.1.0.2:5353'],
      'stale',
    ],
    [
      'to a NodePort',
      [everywhere],
      [{ ...everywhere, endpoints: [] }],
      ['203.0.113.9:30053', '10.1.0.2:5353'],
      'if-local',
    ],
    [
      'to a NodePort that the Service gave up',
      [everywhere],
      [dns],
      ['203.0.113.9:30053', '10.1.0.2:5353'],
      'if-local',
    ],
    ['of a TCP Service', [{ ...dns, protocol: 'TCP' }], [{ ...one, protocol: 'TCP' }], toGone, 'fresh'],
    ['of a Service in which nothing changed', [dns], [dns], toGone, 'fresh'],
    ['at the start, of any Service', undefined, [dns], ['10.0.0.1:53', '10.1.0.9:5353'], 'stale'],
    [
      'to an address that another Service has now',
      [dns],
      [undefined, dns],
      ['10.0.0.1:53', '10.1.0.2:5353'],
      'fresh',
    ],
  ])('%s', (_, before, after, ends, expected) => {
    expect(staleness(before, after, ends)).toBe(expected);
  });

  it('to the address of one Service whose port is the NodePort of another is not one to the NodePort', () => {
    const b: Drawn = { ...dns, clusterIP: '10.0.0.2', port: 30_053, endpoints: serving('10.1.0.5') };
    const after = [{ ...everywhere, endpoints: [] }, b];
    expect(staleness([everywhere, b], after, ['10.0.0.2:30053', '10.1.0.5:5353'])).toBe('fresh');
  });

  it('of the other family is not looked at', () => {
    expect(staleness([dns], [undefined], toGone, 'IPv6')).toBe('fresh');
  });
});

it('more endpoints are no reason to look', () => {
  const before = snapshotOf([one]);
  expect(isNothing(whereToLook(before, snapshotOf([dns], before), 'IPv4'))).toBe(true);
});

it('an endpoint that came and went between two looks is found when both changes were looked at', () => {
  const first = snapshotOf([one]);
  const second = snapshotOf([dns], first);
  const third = snapshotOf([one], second);
  expect(isNothing(whereToLook(first, third, 'IPv4'))).toBe(true);
  const looks = [nothingToLookAt, whereToLook(first, second, 'IPv4'), whereToLook(second, third, 'IPv4')];
  expect(stalenessOf(udpFrontends(looks.reduce(both), third, 'IPv4'), flow(...toGone))).toBe('stale');
});

// Few values of everything, so that Services collide.
const clusterIPs = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
const nodeAddresses = ['192.0.2.1', '192.0.2.2'];
const pods = ['10.1.0.1', '10.1.0.2', '10.1.0.3'];
const drawnService: fc.Arbitrary<Drawn> = fc.record({
  protocol: fc.constantFrom('UDP', 'UDP', 'UDP', 'TCP'),
  clusterIP: fc.constantFrom(...clusterIPs),
  externalIPs: fc.subarray(nodeAddresses),
  loadBalancerIPs: fc.subarray(['198.51.100.1']),
  port: fc.constantFrom(53, 30_053),
  nodePort: fc.constantFrom(0, 30_053, 30_054),
  endpoints: fc.option(
    fc.uniqueArray(fc.record({ at: fc.constantFrom(...pods), serving: fc.boolean() }), {
      selector: ({ at }) => at,
    }),
    { nil: undefined },
  ),
});
const clusters = fc.array(fc.option(drawnService, { nil: undefined }), { minLength: 3, maxLength: 3 });
const flows = fc.record({
  destination: fc.constantFrom(...clusterIPs, ...nodeAddresses, '198.51.100.1', '8.8.8.8'),
  port: fc.constantFrom(53, 30_053, 30_054, 9),
  replySource: fc.constantFrom(...pods, '8.8.8.8'),
  replyPort: fc.constantFrom(5353, 53),
});

/**
 * The conditions as kube-proxy's documentation has them, over all Services, with two differences: Services without endpoints count, and
 * so do places that were a Service's; a flow to a NodePort is one to this node that is to no Service's address.
 */
function slowlyStale(flowed: UdpFlow, now: Snapshot, former: Snapshot | undefined): boolean {
  const toAddress = (port: ServicePort): boolean =>
    port.port.port === flowed.port &&
    [...port.service.clusterIPs, ...port.service.loadBalancerIPs, ...port.service.externalIPs].includes(
      flowed.destination,
    );
  const toNodePort = (port: ServicePort): boolean => port.port.nodePort === flowed.port;
  const serves = ({ endpoints }: ServicePort): boolean =>
    endpoints.IPv4.some(
      (each) => each.serving && each.address === flowed.replySource && each.port === flowed.replyPort,
    );
  const isLocal = nodeAddresses.includes(flowed.destination);
  const [ports, formerPorts] = [udpPorts(now), former === undefined ? [] : udpPorts(former)];
  const owners = ports.filter(toAddress);
  if (owners.length > 0) return !owners.some(serves);
  const nodePortOwners = ports.filter(toNodePort);
  // Also where it is no address of the node: an endpoint that serves under this number is no black hole.
  if (formerPorts.some(toAddress)) return !nodePortOwners.some(serves);
  if (!isLocal) return false;
  return nodePortOwners.length > 0 ? !nodePortOwners.some(serves) : formerPorts.some(toNodePort);
}

function udpPorts(snapshot: Snapshot): readonly ServicePort[] {
  return [...values(snapshot.servicePorts)].filter(({ port }) => port.protocol === 'UDP');
}

it('of what was not stale before, exactly what the conditions name is stale now', () => {
  let [fresh, stale] = [0, 0];
  fc.assert(
    fc.property(
      clusters,
      clusters,
      fc.array(flows, { minLength: 1, maxLength: 20 }),
      (first, second, all) => {
        const before = snapshotOf(first);
        const after = snapshotOf(second, before);
        const frontends = frontendsOf(before, after);
        for (const each of all.filter((flowed) => !slowlyStale(flowed, before, undefined))) {
          const found = stalenessOf(frontends, each);
          const isStale =
            found === 'stale' || (found === 'if-local' && nodeAddresses.includes(each.destination));
          expect(isStale, JSON.stringify(each)).toBe(slowlyStale(each, after, before));
          if (isStale) stale += 1;
          else fresh += 1;
        }
      },
    ),
    { seed, numRuns: 2000 },
  );
  expect(Math.min(fresh, stale)).toBeGreaterThan(500);
});

it('without a snapshot before, everything that the conditions name is stale', () => {
  fc.assert(
    fc.property(clusters, flows, (cluster, each) => {
      const snapshot = snapshotOf(cluster);
      const found = stalenessOf(frontendsOf(undefined, snapshot), each);
      const isStale = found === 'stale' || (found === 'if-local' && nodeAddresses.includes(each.destination));
      expect(isStale).toBe(slowlyStale(each, snapshot, undefined));
    }),
    { seed, numRuns: 1000 },
  );
});

it('a flow to an endpoint that serves is never stale, whatever changed', () => {
  fc.assert(
    fc.property(clusters, clusters, flows, (first, second, each) => {
      const before = snapshotOf(first);
      const after = snapshotOf(second, before);
      const claimants = udpPorts(after).filter(({ service, port }) =>
        [...service.clusterIPs, ...service.loadBalancerIPs, ...service.externalIPs].some(
          (address) => address === each.destination && port.port === each.port,
        ),
      );
      const served = claimants.some(({ endpoints }) =>
        endpoints.IPv4.some(
          (endpoint) =>
            endpoint.serving && endpoint.address === each.replySource && endpoint.port === each.replyPort,
        ),
      );
      if (served) expect(stalenessOf(frontendsOf(before, after), each)).toBe('fresh');
    }),
    { seed, numRuns: 2000 },
  );
});
