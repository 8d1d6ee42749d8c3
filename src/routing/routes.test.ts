import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changesTo,
  clusters,
  histories,
  host,
  objectsOf,
  plainSetting,
  routingSettings,
  someFamily,
  successors,
} from '../../test/conformance/arbitraries.ts';
import { node, service, slice } from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { finish } from '../agent/pace.ts';
import { entries, get, sortedKeys, values } from '../model/immutable-map.ts';
import { revise } from '../model/revise.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { type Decided, decideRoutes, type RoutingInput } from './routes.ts';

const plain: Omit<RoutingInput, 'snapshot'> = { family: 'IPv4', settings: plainSetting.settings, host };

function contentOf({ node: of, routes, endpointCount, withoutLocalEndpoints }: Decided) {
  return {
    node: of,
    endpointCount,
    withoutLocalEndpoints,
    routes: new Map([...entries(routes)].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Decides anew; how many Service ports were looked at is the number of yields. */
function counted(input: RoutingInput, previous?: Decided) {
  const computation = decideRoutes(input, previous);
  for (let yields = 0; ; yields++) {
    const step = computation.next();
    if (step.done === true) return { decided: step.value, yields };
  }
}

const web = (name: string, vip: string) => [
  service({ name, clusterIPs: [vip], ports: [{ port: 80 }], spec: { externalTrafficPolicy: 'Local' } }),
  slice({
    of: name,
    ports: [{ port: 8080 }],
    endpoints: [
      { address: '10.244.1.1', node: 'node-a', forZones: ['zone-1'] },
      { address: '10.244.2.1', node: 'node-b', forZones: ['zone-2'] },
    ],
  }),
];

const nodeObject = (zone: string, address = '192.168.50.11', podCIDRs: readonly string[] = []) =>
  node({ name: 'node-a', addresses: [address], zone, podCIDRs });

describe('routes decided from previous ones', () => {
  it('are those that a decision from nothing gives, after any row of changes', () => {
    const rows = histories.chain(([a, b]) => fc.tuple(fc.constant(a), fc.constant(b), successors(b)));
    fc.assert(
      fc.property(someFamily, routingSettings, rows, (family, settings, row) => {
        let snapshot: Snapshot | undefined;
        let previous: Decided | undefined;
        for (const cluster of row) {
          const wanted = snapshotOf(objectsOf(cluster));
          snapshot = snapshot === undefined ? wanted : revise(snapshot, changesTo(snapshot, wanted));
          const input = { family, settings, host, snapshot };
          previous = finish(decideRoutes(input, previous));
          expect(contentOf(previous)).toEqual(contentOf(finish(decideRoutes(input))));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are the same objects where the Service did not change', () => {
    fc.assert(
      fc.property(someFamily, routingSettings, histories, (family, settings, [a, b]) => {
        const before = snapshotOf(objectsOf(a));
        const after = revise(before, changesTo(before, snapshotOf(objectsOf(b))));
        const old = finish(decideRoutes({ family, settings, host, snapshot: before }));
        const fresh = finish(decideRoutes({ family, settings, host, snapshot: after }, old));
        for (const [key, port] of entries(after.servicePorts)) {
          if (get(before.servicePorts, key) === port)
            expect(get(fresh.routes, key)).toBe(get(old.routes, key));
        }
        expect(fresh.node).toBe(old.node);
      }),
      { numRuns: 20 },
    );
  });

  it('cost as many turns as Service ports changed', () => {
    const before = snapshotOf([...web('a', '172.30.0.1'), ...web('b', '172.30.0.2')]);
    const first = counted({ ...plain, snapshot: before });
    expect(first.yields).toBe(2);
    const [changed] = [...values(snapshotOf(web('b', '172.30.0.3')).services)];
    const after = revise(before, [{ kind: 'Service', key: 'default/b', object: changed }]);
    const second = counted({ ...plain, snapshot: after }, first.decided);
    expect(second.yields).toBe(1);
    expect(counted({ ...plain, snapshot: after }, second.decided).yields).toBe(0);
    const gone = revise(after, [{ kind: 'Service', key: 'default/b', object: undefined }]);
    const third = counted({ ...plain, snapshot: gone }, second.decided);
    expect([third.yields, sortedKeys(third.decided.routes)]).toEqual([1, ['default/a/tcp']]);
  });
});

describe('all is decided anew', () => {
  const before = snapshotOf([nodeObject('zone-1'), ...web('a', '172.30.0.1')]);
  const first = finish(decideRoutes({ ...plain, snapshot: before }));
  const served = (decided: Decided) =>
    [...values(decided.routes)].flatMap(({ endpoints }) => endpoints.cluster.map(({ address }) => address));

  it('when the zone of the node changes', () => {
    const snapshot = revise(
      before,
      changesTo(before, snapshotOf([nodeObject('zone-2'), ...web('a', '172.30.0.1')])),
    );
    const { decided, yields } = counted({ ...plain, snapshot }, first);
    expect(yields).toBe(1);
    expect([served(first), served(decided)]).toEqual([['10.244.1.1'], ['10.244.2.1']]);
  });

  it.each([
    ['masqueradeAll', { masqueradeAll: true }],
    ['the detector', { detectLocal: { mode: 'BridgeInterface', name: 'cni0' } as const }],
  ])('when %s changes', (_, change) => {
    const settings = { ...plain.settings, ...change };
    const { decided, yields } = counted({ ...plain, settings, snapshot: before }, first);
    expect(yields).toBe(1);
    expect(contentOf(decided)).toEqual(
      contentOf(finish(decideRoutes({ ...plain, settings, snapshot: before }))),
    );
    expect(contentOf(decided)).not.toEqual(contentOf(first));
  });

  it('when the main address of the node changes', () => {
    const moved = snapshotOf([nodeObject('zone-1', '192.168.50.99'), ...web('a', '172.30.0.1')]);
    expect(counted({ ...plain, snapshot: revise(before, changesTo(before, moved)) }, first).yields).toBe(1);
  });

  it('when the pod networks of the node are what tells local pods', () => {
    const settings = { ...plain.settings, detectLocal: { mode: 'NodeCIDR' } as const };
    const old = finish(decideRoutes({ ...plain, settings, snapshot: before }));
    const known = snapshotOf([
      nodeObject('zone-1', '192.168.50.11', ['10.244.1.0/24']),
      ...web('a', '172.30.0.1'),
    ]);
    const snapshot = revise(before, changesTo(before, known));
    const { decided, yields } = counted({ ...plain, settings, snapshot }, old);
    expect(yields).toBe(1);
    expect(decided.node.localPods).toEqual({ kind: 'source-network', cidr: '10.244.1.0/24' });
  });

  it('but not when only what holds for the whole node changes', () => {
    const settings = { ...plain.settings, masqueradeBit: 3 };
    const { decided, yields } = counted({ ...plain, settings, snapshot: before }, first);
    expect(yields).toBe(0);
    expect(decided.routes).toBe(first.routes);
    expect(decided.node.masqueradeMark).toBe(8);
  });
});

describe('Service ports without a local endpoint', () => {
  it('are counted by the policy that needs one, as they come and go', () => {
    const local = (internal: boolean, at: 'node-a' | 'node-b') => [
      service({
        name: 'web',
        clusterIPs: ['172.30.0.41'],
        type: 'NodePort',
        ports: [{ port: 80, nodePort: 30_080 }],
        spec: internal ? { internalTrafficPolicy: 'Local' } : { externalTrafficPolicy: 'Local' },
      }),
      slice({ of: 'web', ports: [{ port: 8080 }], endpoints: [{ address: '10.244.2.1', node: at }] }),
    ];
    let decided: Decided | undefined;
    const counts = [local(true, 'node-b'), local(false, 'node-b'), local(false, 'node-a'), []].map(
      (objects) => {
        decided = finish(decideRoutes({ ...plain, snapshot: snapshotOf(objects) }, decided));
        return decided.withoutLocalEndpoints;
      },
    );
    expect(counts).toEqual([
      { internal: 1, external: 0 },
      { internal: 0, external: 1 },
      { internal: 0, external: 0 },
      { internal: 0, external: 0 },
    ]);
  });
});

describe('the order in which objects come', () => {
  it('does not matter', () => {
    const orders = clusters.chain((cluster) => {
      const objects = objectsOf(cluster);
      return fc.tuple(
        fc.constant(objects),
        fc.shuffledSubarray([...objects], { minLength: objects.length, maxLength: objects.length }),
      );
    });
    fc.assert(
      fc.property(someFamily, routingSettings, orders, (family, settings, [objects, others]) => {
        const [one, other] = [objects, others].map((list) =>
          contentOf(finish(decideRoutes({ family, settings, host, snapshot: snapshotOf(list) }))),
        );
        expect(JSON.stringify([...(other?.routes ?? [])])).toBe(JSON.stringify([...(one?.routes ?? [])]));
        expect(other).toEqual(one);
      }),
      { numRuns: 20 },
    );
  });
});
