import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { balancer, localSlice } from '../../test/observe/balancers.ts';
import { endedSync, heardSnapshot } from '../../test/observe/syncs.ts';
import { differences } from '../model/immutable-map.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { createHealthCheckCounts } from './health-check-counts.ts';

const both = ['172.30.0.1', 'fd00:30::1'];

function started() {
  const counts = createHealthCheckCounts();
  return {
    hear: (snapshot: Snapshot) => counts.observe(heardSnapshot(snapshot)),
    sync: (family: 'IPv4' | 'IPv6', snapshot: Snapshot, more: Parameters<typeof endedSync>[1] = {}) =>
      counts.observe(endedSync(family, { snapshot, ...more })),
    /** As asked at IPv4 and at IPv6. */
    told: () => [counts.of('default/web', 'IPv4'), counts.of('default/web', 'IPv6')],
  };
}

const four = (...last: readonly number[]) =>
  snapshotOf([
    balancer('web'),
    localSlice(
      'web',
      last.map((each) => `10.244.1.${each}`),
    ),
  ]);

/** A happening: endpoints that are here from now on, or a sync of one of the latest snapshots, so many ago. */
const steps = fc.array(
  fc.oneof(
    fc.record({ hear: fc.subarray([1, 2, 3, 4]) }),
    fc.record({ syncOf: fc.integer({ min: 0, max: 2 }), fails: fc.boolean(), quarantined: fc.boolean() }),
  ),
  { maxLength: 12 },
);

describe('the number of endpoints told to a balancer', () => {
  it('is of those that were heard last and are in force, after any row of happenings', () => {
    fc.assert(
      fc.property(steps, (row) => {
        const { hear, sync, told } = started();
        const heard: { readonly last: readonly number[]; readonly snapshot: Snapshot }[] = [];
        let inForce: readonly number[] = [];
        for (const step of row) {
          if ('hear' in step) {
            heard.unshift({ last: step.hear, snapshot: four(...step.hear) });
            hear(heard[0]?.snapshot ?? four());
          } else {
            const { last, snapshot } = heard[step.syncOf] ?? { last: [], snapshot: four() };
            const error = step.fails ? new Error('refused') : undefined;
            const quarantined = step.quarantined ? ['default/web:http/tcp'] : [];
            sync('IPv4', snapshot, { error, quarantined });
            if (!step.fails) inForce = step.quarantined ? [] : last;
          }
          const count = inForce.filter((each) => heard[0]?.last.includes(each) === true).length;
          expect(told()).toEqual([count, count]);
        }
      }),
    );
  });

  it('is that of the only family, in both', () => {
    const { hear, sync, told } = started();
    const snapshot = four(1, 2);
    hear(snapshot);
    expect(told()).toEqual([0, 0]);
    sync('IPv6', snapshot);
    expect(told()).toEqual([0, 0]);
    sync('IPv4', snapshot);
    expect(told()).toEqual([2, 2]);
  });

  it('is that of each family of a dual-stack Service, as far as it is in force', () => {
    const { hear, sync, told } = started();
    const snapshot = snapshotOf([
      balancer('web', { clusterIPs: both }),
      localSlice('web', ['10.244.1.1', '10.244.1.2']),
      localSlice('web', ['fd00:244:1::1'], 'six'),
    ]);
    hear(snapshot);
    sync('IPv4', snapshot);
    expect(told()).toEqual([2, 0]);
    sync('IPv6', snapshot);
    expect(told()).toEqual([2, 1]);
  });

  it('falls before the rules do, and rises after them', () => {
    const { hear, sync, told } = started();
    const [one, two, none] = [four(1), four(1, 2), four()];
    hear(one);
    sync('IPv4', one);
    hear(two);
    expect(told()).toEqual([1, 1]);
    sync('IPv4', two);
    expect(told()).toEqual([2, 2]);
    hear(none);
    expect(told()).toEqual([0, 0]);
    hear(two);
    expect(told()).toEqual([2, 2]);
  });

  it('is 0 while the kernel leads to another endpoint than the one there is', () => {
    const { hear, sync, told } = started();
    const [old, fresh] = [four(1), four(2)];
    hear(old);
    sync('IPv4', old);
    hear(fresh);
    expect(told()).toEqual([0, 0]);
    sync('IPv4', old);
    expect(told()).toEqual([0, 0]);
    sync('IPv4', fresh);
    expect(told()).toEqual([1, 1]);
  });

  it('stays through a sync that fails', () => {
    const { hear, sync, told } = started();
    const [one, two] = [four(1), four(1, 2)];
    hear(one);
    sync('IPv4', one, { error: new Error('refused') });
    expect(told()).toEqual([0, 0]);
    sync('IPv4', one);
    hear(two);
    sync('IPv4', two, { error: new Error('refused') });
    expect(told()).toEqual([1, 1]);
  });

  it('is 0 in the family in which a port of the Service is in quarantine', () => {
    const { hear, sync, told } = started();
    const snapshot = snapshotOf([
      balancer('web', { clusterIPs: both }),
      localSlice('web', ['10.244.1.1']),
      localSlice('web', ['fd00:244:1::1'], 'six'),
    ]);
    hear(snapshot);
    sync('IPv4', snapshot, { quarantined: ['default/web:http/tcp'] });
    sync('IPv6', snapshot, { quarantined: ['default/other:http/tcp'] });
    expect(told()).toEqual([0, 1]);
    sync('IPv4', snapshot);
    expect(told()).toEqual([1, 1]);
  });

  it('is 0 for a Service that only has the name of one that was served', () => {
    const { hear, sync, told } = started();
    const [old, fresh] = ['a', 'b'].map((uid) =>
      snapshotOf([balancer('web', { uid }), localSlice('web', ['10.244.1.1'])]),
    );
    if (old === undefined || fresh === undefined) throw new Error('two are made');
    hear(old);
    sync('IPv4', old);
    hear(fresh);
    expect(told()).toEqual([0, 0]);
    expect([...differences(old.services, fresh.services)]).toHaveLength(1);
  });

  it('is 0 for what nobody knows', () => {
    const { hear, told } = started();
    expect(told()).toEqual([0, 0]);
    hear(snapshotOf([]));
    expect(told()).toEqual([0, 0]);
  });
});
