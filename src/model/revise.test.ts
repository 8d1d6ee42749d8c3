import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressPort, families, familyOf } from './address.ts';
import { changedServicePorts, changesBetween, type ObjectChange } from './change.ts';
import { conflicts, noClaims, reviseClaims } from './claims.ts';
import type { Endpoint, EndpointSlice, SlicePort } from './endpoint.ts';
import { entries, get, sortedKeys, values } from './immutable-map.ts';
import type { Node } from './node.ts';
import { revise } from './revise.ts';
import type { PortSpec, Service } from './service.ts';
import { emptySnapshot, type Snapshot } from './snapshot.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);
const empty = emptySnapshot('node-1');

function service(
  name: string,
  ports: readonly Partial<PortSpec>[] = [{}],
  more: Partial<Service> = {},
): Service {
  return {
    namespace: 'shop',
    name,
    uid: undefined,
    type: 'ClusterIP',
    clusterIPs: ['10.0.0.1'],
    externalIPs: [],
    loadBalancerIPs: [],
    loadBalancerSourceRanges: [],
    ports: ports.map((port) => ({ name: 'http', protocol: 'TCP', port: 80, nodePort: 0, ...port })),
    affinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    ...more,
  };
}

function endpoint(address: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    address,
    port: 8080,
    ready: true,
    serving: true,
    terminating: false,
    nodeName: undefined,
    zone: undefined,
    forNodes: [],
    forZones: [],
    ...more,
  };
}

type SliceOptions = Omit<Partial<EndpointSlice>, 'ports'> & {
  readonly ports?: readonly Omit<SlicePort, 'endpoints'>[];
};

const httpPort = { name: 'http', protocol: 'TCP', port: 8080 } as const;

function slice(
  name: string,
  endpoints: readonly (string | Endpoint)[],
  { ports = [httpPort], ...more }: SliceOptions = {},
): EndpointSlice {
  const places = endpoints.map((each) => (typeof each === 'string' ? endpoint(each) : each));
  return {
    namespace: 'shop',
    name,
    serviceName: 'web',
    family: 'IPv4',
    ports: ports.map((each) => ({
      ...each,
      endpoints: places.map((place) => ({ ...place, port: each.port })),
    })),
    lastChangeTriggerTime: undefined,
    ...more,
  };
}

function tell(...objects: readonly (Service | EndpointSlice)[]): readonly ObjectChange[] {
  return objects.map((object) => {
    const key = `${object.namespace}/${object.name}`;
    return 'serviceName' in object
      ? { kind: 'EndpointSlice', key, object }
      : { kind: 'Service', key, object };
  });
}

/** `address:port` of the endpoints of a ServicePort, in order. */
function endpointsOf(snapshot: Snapshot, key: string): readonly string[] {
  const found = get(snapshot.servicePorts, key)?.endpoints;
  return families.flatMap((family) =>
    (found?.[family] ?? []).map(({ address, port }) => addressPort(address, port)),
  );
}

describe('revise joins', () => {
  it('several slices and families, sorted as text', () => {
    const six = slice('c', ['fd00::2', 'fd00::10'], { family: 'IPv6' });
    const snapshot = revise(
      empty,
      tell(service('web'), slice('b', ['10.1.0.2', '10.1.0.1']), slice('a', ['10.1.0.10']), six),
    );
    expect(endpointsOf(snapshot, 'shop/web:http/tcp')).toEqual([
      '10.1.0.10:8080',
      '10.1.0.1:8080',
      '10.1.0.2:8080',
      '[fd00::10]:8080',
      '[fd00::2]:8080',
    ]);
    expect(get(snapshot.slicesOf, 'shop/web')?.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(get(snapshot.servicePorts, 'shop/web:http/tcp')).toMatchObject({
      name: 'shop/web:http',
      key: 'shop/web:http/tcp',
    });
  });

  it('by the name and the protocol of the port', () => {
    const web = service('web', [
      { name: 'dns', protocol: 'UDP', port: 53 },
      { name: 'dns-tcp', port: 53 },
      { name: 'none' },
    ]);
    const ports = [
      { name: 'dns', protocol: 'UDP', port: 5353 },
      { name: 'dns-tcp', protocol: 'TCP', port: 5354 },
      { name: 'none', protocol: 'UDP', port: 1 },
    ] as const;
    const snapshot = revise(empty, tell(web, slice('a', ['10.1.0.1'], { ports })));
    expect(endpointsOf(snapshot, 'shop/web:dns/udp')).toEqual(['10.1.0.1:5353']);
    expect(endpointsOf(snapshot, 'shop/web:dns-tcp/tcp')).toEqual(['10.1.0.1:5354']);
    expect(endpointsOf(snapshot, 'shop/web:none/tcp')).toEqual([]);
  });

  it('one named port that differs from slice to slice', () => {
    const other = slice('b', ['10.1.0.2'], { ports: [{ name: 'http', protocol: 'TCP', port: 9090 }] });
    const snapshot = revise(empty, tell(service('web'), slice('a', ['10.1.0.1']), other));
    expect(endpointsOf(snapshot, 'shop/web:http/tcp')).toEqual(['10.1.0.1:8080', '10.1.0.2:9090']);
  });

  it('an unnamed port, whose key has no colon', () => {
    const ports = [{ name: '', protocol: 'TCP', port: 8080 }] as const;
    const snapshot = revise(empty, tell(service('web', [{ name: '' }]), slice('a', ['10.1.0.1'], { ports })));
    expect(endpointsOf(snapshot, 'shop/web/tcp')).toEqual(['10.1.0.1:8080']);
  });

  it('slices that come before their Service, and keeps them after it', () => {
    const early = revise(empty, tell(slice('a', ['10.1.0.1'])));
    expect(early.servicePorts.size).toBe(0);
    const joined = revise(early, tell(service('web')));
    expect(endpointsOf(joined, 'shop/web:http/tcp')).toEqual(['10.1.0.1:8080']);
    const late = revise(joined, [{ kind: 'Service', key: 'shop/web', object: undefined }]);
    expect([late.servicePorts.size, late.slices.size]).toEqual([0, 1]);
    expect(endpointsOf(revise(late, tell(service('web'))), 'shop/web:http/tcp')).toEqual(['10.1.0.1:8080']);
  });

  it('no slice of another namespace', () => {
    const snapshot = revise(empty, tell(service('web'), slice('a', ['10.1.0.1'], { namespace: 'other' })));
    expect(endpointsOf(snapshot, 'shop/web:http/tcp')).toEqual([]);
  });

  it('a slice that changes its Service', () => {
    const before = revise(empty, tell(service('web'), service('api'), slice('a', ['10.1.0.1'])));
    const after = revise(before, tell(slice('a', ['10.1.0.1'], { serviceName: 'api' })));
    expect(endpointsOf(after, 'shop/web:http/tcp')).toEqual([]);
    expect(endpointsOf(after, 'shop/api:http/tcp')).toEqual(['10.1.0.1:8080']);
    expect(sortedKeys(after.slicesOf)).toEqual(['shop/api']);
  });

  it('a Service that loses ports', () => {
    const before = revise(empty, tell(service('web', [{ name: 'http' }, { name: 'admin', port: 81 }])));
    const after = revise(before, tell(service('web', [{ name: 'admin', port: 81 }])));
    expect(sortedKeys(after.servicePorts)).toEqual(['shop/web:admin/tcp']);
  });
});

describe('an address that several slices name', () => {
  const live = endpoint('10.1.0.1', { nodeName: 'live' });
  const unready = endpoint('10.1.0.1', { ready: false, nodeName: 'unready' });
  const dying = endpoint('10.1.0.1', { ready: false, terminating: true, nodeName: 'dying' });
  const dyingReady = endpoint('10.1.0.1', { terminating: true, nodeName: 'dying but ready' });
  const other = endpoint('10.1.0.1', { nodeName: 'other' });

  it.each([
    ['not the terminating one', live, dying, 'live'],
    ['not the terminating one, though ready', unready, dyingReady, 'unready'],
    ['the ready one', live, unready, 'live'],
    ['of two alike the one whose slice sorts first', live, other, 'live'],
  ])('counts once: %s', (_, one, two, winner) => {
    for (const objects of [
      [slice('a', [one]), slice('b', [two])],
      [slice('b', [two]), slice('a', [one])],
      ...(winner === 'live' && two === other ? [] : [[slice('a', [two]), slice('b', [one])]]),
    ]) {
      const snapshot = objects.reduce(
        (before, each) => revise(before, tell(each)),
        revise(empty, tell(service('web'))),
      );
      const found = get(snapshot.servicePorts, 'shop/web:http/tcp')?.endpoints.IPv4;
      expect(found?.map(({ nodeName }) => nodeName)).toEqual([winner]);
    }
  });
});

describe('revise keeps', () => {
  const before = revise(
    empty,
    tell(service('web'), service('api'), slice('a', ['10.1.0.1']), slice('b', ['10.1.0.2'])),
  );

  it('the snapshot when nothing is new', () => {
    expect(revise(before, [])).toBe(before);
    expect(revise(before, tell(service('web'), slice('a', ['10.1.0.1'])))).toBe(before);
    expect(revise(before, [{ kind: 'Service', key: 'shop/gone', object: undefined }])).toBe(before);
    expect(revise(before, [...tell(service('web', [{ port: 81 }])), ...tell(service('web'))])).toBe(before);
    expect(revise(before, [{ kind: 'Node', key: 'node-2', object: node('node-2') }])).toBe(before);
    const again = slice('a', ['10.1.0.1'], { lastChangeTriggerTime: 1_700_000_000_000 });
    expect(revise(before, tell(again))).toBe(before);
  });

  it('every port that did not change', () => {
    const after = revise(before, tell(slice('a', ['10.1.0.3'])));
    expect(get(after.servicePorts, 'shop/api:http/tcp')).toBe(get(before.servicePorts, 'shop/api:http/tcp'));
    expect(changedServicePorts(before, after)).toMatchObject([
      { key: 'shop/web:http/tcp', service: false, endpoints: ['IPv4'] },
    ]);
  });

  it('a port whose endpoints are the same although its slices are not', () => {
    const moved = revise(before, [
      ...tell(slice('c', ['10.1.0.1'])),
      { kind: 'EndpointSlice', key: 'shop/a', object: undefined },
    ]);
    expect(get(moved.servicePorts, 'shop/web:http/tcp')).toBe(get(before.servicePorts, 'shop/web:http/tcp'));
    expect(moved).not.toBe(before);
    expect(changedServicePorts(before, moved)).toEqual([]);
  });
});

function node(name: string): Node {
  return { name, zone: 'z', addresses: ['192.168.0.1'], podCIDRs: [], deleting: false, taintKeys: [] };
}

describe('the Node and ServiceCIDRs', () => {
  it('are known by name', () => {
    const seen = revise(empty, [
      { kind: 'Node', key: 'node-1', object: node('node-1') },
      { kind: 'Node', key: 'node-2', object: node('node-2') },
      { kind: 'ServiceCIDR', key: 'kubernetes', object: ['10.96.0.0/12'] },
    ]);
    expect(seen.node?.name).toBe('node-1');
    expect([...entries(seen.serviceCIDRs)]).toEqual([['kubernetes', ['10.96.0.0/12']]]);
    expect(changesBetween(empty, seen)).toEqual({ servicePorts: [], node: true, serviceCIDRs: true });
    expect(revise(seen, [{ kind: 'Node', key: 'node-1', object: node('node-1') }])).toBe(seen);
    const gone = revise(seen, [
      { kind: 'Node', key: 'node-1', object: undefined },
      { kind: 'ServiceCIDR', key: 'kubernetes', object: undefined },
    ]);
    expect([gone.node, gone.serviceCIDRs.size]).toEqual([undefined, 0]);
  });
});

describe('changesBetween', () => {
  it('says what differs, sorted', () => {
    const before = revise(
      empty,
      tell(service('b'), service('a'), service('d'), slice('x', ['10.1.0.1'], { serviceName: 'd' })),
    );
    const after = revise(before, [
      ...tell(service('c'), service('a', [{ port: 81 }])),
      { kind: 'Service', key: 'shop/d', object: undefined },
    ]);
    expect(changesBetween(before, after).servicePorts).toMatchObject([
      { key: 'shop/a:http/tcp', service: true, endpoints: [] },
      { key: 'shop/c:http/tcp', before: undefined, service: true, endpoints: [] },
      { key: 'shop/d:http/tcp', after: undefined, service: true, endpoints: ['IPv4'] },
    ]);
    expect(changesBetween(after, after)).toEqual({ servicePorts: [], node: false, serviceCIDRs: false });
  });
});

const names = fc.constantFrom('web', 'api', 'web-2');
const anyPort = fc.record({
  name: fc.constantFrom('http', 'dns', ''),
  protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
  port: fc.constantFrom(80, 53),
  nodePort: fc.constantFrom(0, 30000, 30001),
});
const anyService = fc
  .tuple(
    names,
    fc.uniqueArray(anyPort, { selector: ({ name }) => name, maxLength: 3 }),
    fc.subarray(['192.0.2.1', '192.0.2.2']),
  )
  .map(([name, ports, externalIPs]) => service(name, ports, { externalIPs, clusterIPs: [] }));
const anyEndpoint = fc
  .tuple(
    fc.constantFrom('10.1.0.1', '10.1.0.2', 'fd00::1'),
    fc.boolean(),
    fc.boolean(),
    fc.constantFrom('n', 'm'),
  )
  .map(([address, ready, terminating, nodeName]) => endpoint(address, { ready, terminating, nodeName }));
const anySlice = fc
  .tuple(
    fc.constantFrom('a', 'b', 'c'),
    names,
    fc.array(anyEndpoint, { maxLength: 3 }),
    fc.array(anyPort, { maxLength: 2 }),
    fc.boolean(),
    fc.constantFrom(undefined, 1, 2),
  )
  .map(([name, serviceName, endpoints, ports, six, lastChangeTriggerTime]) =>
    slice(
      name,
      endpoints.filter(({ address }) => (familyOf(address) === 'IPv6') === six),
      {
        serviceName,
        family: six ? 'IPv6' : 'IPv4',
        ports: ports.map(({ name: portName, protocol, port }) => ({ name: portName, protocol, port })),
        lastChangeTriggerTime,
      },
    ),
  );
const anyChange: fc.Arbitrary<ObjectChange> = fc.oneof(
  anyService.map((object) => ({ kind: 'Service' as const, key: `shop/${object.name}`, object })),
  anySlice.map((object) => ({ kind: 'EndpointSlice' as const, key: `shop/${object.name}`, object })),
  names.map((name) => ({ kind: 'Service' as const, key: `shop/${name}`, object: undefined })),
  fc
    .constantFrom('a', 'b', 'c')
    .map((name) => ({ kind: 'EndpointSlice' as const, key: `shop/${name}`, object: undefined })),
);
const history = fc.array(fc.array(anyChange, { maxLength: 4 }), { maxLength: 10 });

function told(snapshot: Snapshot) {
  return {
    services: new Map(entries(snapshot.services)),
    slices: new Map(entries(snapshot.slices)),
    slicesOf: new Map(entries(snapshot.slicesOf)),
    servicePorts: new Map(entries(snapshot.servicePorts)),
    size: [snapshot.services.size, snapshot.slices.size, snapshot.slicesOf.size, snapshot.servicePorts.size],
  };
}

describe('any history', () => {
  it('ends in the same snapshot as its last objects told at once, in any order', () => {
    fc.assert(
      fc.property(history, fc.boolean(), (batches, reversed) => {
        const stepwise = batches.reduce(revise, empty);
        const objects = [...values(stepwise.services), ...values(stepwise.slices)];
        const atOnce = revise(empty, tell(...(reversed ? objects.reverse() : objects)));
        expect(told(stepwise)).toEqual(told(atOnce));
      }),
      { seed, numRuns: 500 },
    );
  });

  it('keeps every port that says the same, and claims as if counted anew', () => {
    fc.assert(
      fc.property(history, (batches) => {
        let snapshot = empty;
        let claims = noClaims;
        for (const batch of batches) {
          const next = revise(snapshot, batch);
          for (const [key, port] of entries(next.servicePorts)) {
            const before = get(snapshot.servicePorts, key);
            if (before !== port) expect(before).not.toEqual(port);
          }
          claims = reviseClaims(claims, snapshot, next);
          snapshot = next;
        }
        const anew = reviseClaims(noClaims, empty, snapshot);
        expect(new Map(entries(claims.held))).toEqual(new Map(entries(anew.held)));
        expect(new Map(entries(claims.contested))).toEqual(new Map(entries(anew.contested)));
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe('conflicts', () => {
  const ofAll = (...services: readonly Service[]) =>
    conflicts(reviseClaims(noClaims, empty, revise(empty, tell(...services))));

  it('names every loser', () => {
    const found = ofAll(
      service('b', [{ nodePort: 30000 }]),
      service('a', [{ nodePort: 30000 }]),
      service('c', [{ protocol: 'UDP', nodePort: 30000 }]),
      service('d', [{ port: 81 }]),
      service('e', [{ port: 82 }], { clusterIPs: [], externalIPs: ['10.0.0.1'] }),
      service('f', [{ port: 82 }], { clusterIPs: [], loadBalancerIPs: ['10.0.0.1'] }),
    );
    expect(
      [...found].sort((one, other) => (one.object + one.field < other.object + other.field ? -1 : 1)),
    ).toEqual([
      {
        code: 'NP-OBJECT-003',
        object: 'Service shop/b',
        field: 'spec.clusterIPs',
        reason: '10.0.0.1 port 80/TCP is claimed by Service shop/a too, which wins',
      },
      {
        code: 'NP-OBJECT-003',
        object: 'Service shop/b',
        field: 'spec.ports',
        reason: 'node port 30000/TCP is claimed by Service shop/a too, which wins',
      },
      {
        code: 'NP-OBJECT-003',
        object: 'Service shop/e',
        field: 'spec.externalIPs',
        reason: '10.0.0.1 port 82/TCP is claimed by Service shop/f too, which wins',
      },
    ]);
  });

  it('knows which Service of that name it is', () => {
    const uid = '0f7f4dbc-1c28-4c4c-8d5e-7f9b4f1f4d6a';
    expect(ofAll(service('a'), service('b', [{}], { uid }))).toMatchObject([
      { object: 'Service shop/b', uid },
    ]);
  });

  it('does not turn a Service against itself', () => {
    const own = ['192.0.2.1'];
    expect(ofAll(service('a', [{}], { clusterIPs: own, externalIPs: own, loadBalancerIPs: own }))).toEqual(
      [],
    );
  });
});
