import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { families } from './address.ts';
import { changedServicePorts, type ObjectChange } from './change.ts';
import type { EndpointSlice } from './endpoint.ts';
import { equal } from './equal.ts';
import { get, values } from './immutable-map.ts';
import { revise } from './revise.ts';
import { emptySnapshot } from './snapshot.ts';
import { triggeredAt } from './triggered.ts';

const seed = Number(process.env['FC_SEED'] ?? Date.now());
const empty = emptySnapshot('node-1');

function slice(name: string, addresses: readonly string[], time: number | undefined): EndpointSlice {
  const six = name.endsWith('6');
  const condition = { ready: true, serving: true, terminating: false };
  const place = { nodeName: undefined, zone: undefined, forNodes: [], forZones: [] };
  const port = 8080;
  const endpoints = addresses.map((address) => ({ address, port, ...condition, ...place }));
  return {
    namespace: 'shop',
    name,
    serviceName: 'web',
    family: six ? 'IPv6' : 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port, endpoints }],
    lastChangeTriggerTime: time,
  };
}

function tell(...slices: readonly EndpointSlice[]): readonly ObjectChange[] {
  return slices.map((object) => ({ kind: 'EndpointSlice', key: `shop/${object.name}`, object }));
}

function sorted(times: readonly number[]): readonly number[] {
  return times.toSorted((one, other) => one - other);
}

describe('triggeredAt', () => {
  const before = revise(empty, tell(slice('a', ['10.1.0.1'], 1), slice('b', ['10.1.0.2'], 2)));

  it('gives the times of new and changed slices of the family', () => {
    const changed = tell(slice('a', ['10.1.0.9'], 11), slice('c', [], 12), slice('d6', ['fd00::1'], 13));
    const after = revise(before, changed);
    expect(sorted(triggeredAt(before, after, 'IPv4'))).toEqual([11, 12]);
    expect(triggeredAt(before, after, 'IPv6')).toEqual([13]);
    expect(sorted(triggeredAt(undefined, after, 'IPv4'))).toEqual([2, 11, 12]);
  });

  it('gives none for a slice that is gone, tells no time, or says the same as before', () => {
    const gone: ObjectChange = { kind: 'EndpointSlice', key: 'shop/a', object: undefined };
    const after = revise(before, [gone, ...tell(slice('b', ['10.1.0.7'], undefined))]);
    expect(triggeredAt(before, after, 'IPv4')).toEqual([]);
    const there = revise(before, tell(slice('b', ['10.1.0.7'], 20)));
    const back = revise(there, tell(slice('b', ['10.1.0.2'], 21)));
    expect(triggeredAt(before, back, 'IPv4')).toEqual([]);
    expect(triggeredAt(there, back, 'IPv4')).toEqual([21]);
    expect(triggeredAt(before, before, 'IPv4')).toEqual([]);
  });
});

const time = fc.constantFrom(undefined, 1, 2, 3);
const addresses = fc.subarray(['10.1.0.1', '10.1.0.2']);
const anyChange: fc.Arbitrary<ObjectChange> = fc
  .tuple(fc.constantFrom('a', 'b', 'c6'), fc.option(addresses, { freq: 3 }), time)
  .map(([name, told, at]) => ({
    kind: 'EndpointSlice',
    key: `shop/${name}`,
    object: told === null ? undefined : slice(name, told, at),
  }));
const history = fc.array(fc.array(anyChange, { maxLength: 4 }), { maxLength: 8 });

function timeless(change: ObjectChange): ObjectChange {
  if (change.kind !== 'EndpointSlice' || change.object === undefined) return change;
  return { ...change, object: { ...change.object, lastChangeTriggerTime: undefined } };
}

describe(`any history (seed ${seed})`, () => {
  it('is told as by comparing all slices of both ends', () => {
    fc.assert(
      fc.property(history, fc.nat(8), (batches, split) => {
        const before = batches.slice(0, split).reduce(revise, empty);
        const after = batches.slice(split).reduce(revise, before);
        const changed = [...values(after.slices)].filter((now) => {
          const old = get(before.slices, `shop/${now.name}`);
          return old === undefined || !equal(old.ports, now.ports);
        });
        for (const family of families) {
          const expected = changed
            .filter((each) => each.family === family)
            .map((each) => each.lastChangeTriggerTime)
            .filter((each) => each !== undefined);
          expect(sorted(triggeredAt(before, after, family))).toEqual(sorted(expected));
        }
      }),
      { seed, numRuns: 300 },
    );
  });

  it('changes the same service ports whatever the times are', () => {
    const web = { namespace: 'shop', name: 'web', ...plainService } as const;
    const start = revise(empty, [{ kind: 'Service', key: 'shop/web', object: web }]);
    fc.assert(
      fc.property(history, (batches) => {
        let [timed, plain] = [start, start];
        for (const batch of batches) {
          const [nextTimed, nextPlain] = [revise(timed, batch), revise(plain, batch.map(timeless))];
          expect(nextTimed === timed).toBe(nextPlain === plain);
          expect(changedServicePorts(timed, nextTimed)).toEqual(changedServicePorts(plain, nextPlain));
          [timed, plain] = [nextTimed, nextPlain];
        }
      }),
      { seed, numRuns: 300 },
    );
  });
});

const plainService = {
  uid: undefined,
  type: 'ClusterIP',
  clusterIPs: ['10.0.0.1'],
  externalIPs: [],
  loadBalancerIPs: [],
  loadBalancerSourceRanges: [],
  ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort: 0 }],
  affinitySeconds: undefined,
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  healthCheckNodePort: 0,
} as const;
