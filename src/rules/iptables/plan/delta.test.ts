import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changesTo,
  clusters,
  histories,
  momentOf,
  momentOfSnapshot,
  namesIn,
  nfacctCounters,
  objectsOf,
  plainSetting,
  type Setting,
  someSetting,
} from '../../../../test/conformance/arbitraries.ts';
import { type Json, service, slice } from '../../../../test/conformance/objects.ts';
import { snapshotOf } from '../../../../test/conformance/rules-of.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables, type FakeIptables } from '../../../kernel/fake.ts';
import { entries } from '../../../model/immutable-map.ts';
import { revise } from '../../../model/revise.ts';
import type { Plan } from '../../plan.ts';
import type { Layout } from '../layout/layout.ts';
import { tableNames } from '../objects.ts';
import { type Applied, listed, nothingApplied, settle } from './applied.ts';
import { planAll, planChange } from './delta.ts';
import { appliedFrom } from './read-applied.ts';
import { restoreLines } from './restore.ts';

/** All that can be compared of what is applied, in one order. */
function contentOf(applied: Applied) {
  const { chains, jumps } = finish(listed(applied));
  return {
    chains: tableNames.flatMap((table) =>
      [...chains[table]].map(([name, print]) => `${table} ${name} ${print}`).sort(),
    ),
    jumps: [...jumps].sort(),
  };
}

/** What a kernel that was empty holds once it has all of the layout. */
function filled(layout: Layout): Applied {
  return settle(nothingApplied, finish(planAll(nothingApplied, layout)), layout);
}

function textOf(plan: Plan): string {
  return Array.from(restoreLines(plan.steps, 'one'), ({ text }) => `${text}\n`).join('');
}

function send(fake: FakeIptables, plan: Plan): void {
  expect(fake.restore(textOf(plan), { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
}

function fakeOf({ family }: Setting): FakeIptables {
  return createFakeIptables(family, { counters: nfacctCounters });
}

/** What a kernel holds that was empty before. */
function loaded(setting: Setting, layout: Layout): FakeIptables {
  const fake = fakeOf(setting);
  send(fake, finish(planAll(nothingApplied, layout)));
  return fake;
}

const shuffled = <T>(list: readonly T[]) =>
  fc.infiniteStream(fc.nat()).map((order) =>
    list
      .map((item) => ({ item, at: order.next().value }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item),
  );

describe('a plan', () => {
  it('leads from nothing to what is wanted, and the kernel then holds what the plan says', () => {
    fc.assert(
      fc.property(someSetting, clusters, (setting, cluster) => {
        const { layout } = momentOf(setting, objectsOf(cluster));
        const plan = finish(planAll(nothingApplied, layout));
        const fake = fakeOf(setting);
        send(fake, plan);
        expect(contentOf(appliedFrom(fake.ruleSet(), namesIn(setting)))).toEqual(
          contentOf(settle(nothingApplied, plan, layout)),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('leads from any cluster to any other, by what changed or by comparing all', () => {
    fc.assert(
      fc.property(someSetting, histories, (setting, [a, b]) => {
        const before = momentOf(setting, objectsOf(a));
        const after = momentOf(setting, objectsOf(b), before);
        const held = filled(before.layout);
        const wanted = contentOf(filled(after.layout));
        const change = finish(planChange(held, before.layout, after.layout));
        const all = finish(planAll(held, after.layout));
        expect(contentOf(settle(held, change, after.layout))).toEqual(wanted);
        expect(contentOf(settle(held, all, after.layout))).toEqual(wanted);
        expect(change.steps.map(sortKey).sort()).toEqual(all.steps.map(sortKey).sort());
        for (const plan of [change, all]) {
          const fake = loaded(setting, before.layout);
          send(fake, plan);
          expect(contentOf(appliedFrom(fake.ruleSet(), namesIn(setting)))).toEqual(wanted);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('for another configuration of the node leads to what that wants', () => {
    fc.assert(
      fc.property(someSetting, someSetting, clusters, (one, other, cluster) => {
        // Other names are no change: the old ones have to be cleaned up first.
        const { besideKubeProxy } = one.settings;
        const setting = {
          ...other,
          family: one.family,
          settings: { ...other.settings, besideKubeProxy },
        };
        const before = momentOf(one, objectsOf(cluster));
        const after = momentOf(setting, objectsOf(cluster), before);
        const fake = loaded(one, before.layout);
        const held = appliedFrom(fake.ruleSet(), namesIn(setting));
        const plan = finish(planAll(held, after.layout));
        send(fake, plan);
        const wanted = contentOf(filled(after.layout));
        const now = contentOf(appliedFrom(fake.ruleSet(), namesIn(setting)));
        // KUBE-FIREWALL and what leads to it are kubelet's as well, and stay.
        const firewall = before.layout.routes.node.nodePorts.onLoopback;
        const missing = wanted.chains.filter((chain) => !now.chains.includes(chain));
        const surplus = now.chains.filter((chain) => !wanted.chains.includes(chain));
        expect(missing).toEqual([]);
        expect(surplus.filter((chain) => !(firewall && chain.startsWith('filter KUBE-FIREWALL ')))).toEqual(
          [],
        );
        expect(wanted.jumps.filter((jump) => !now.jumps.includes(jump))).toEqual([]);
        expect(contentOf(settle(held, plan, after.layout))).toEqual(now);
        expect(finish(planAll(settle(held, plan, after.layout), after.layout)).steps).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('has no steps when nothing changed, also when the rules were read back', () => {
    fc.assert(
      fc.property(someSetting, clusters, (setting, cluster) => {
        const { layout } = momentOf(setting, objectsOf(cluster));
        const again = momentOf(setting, objectsOf(cluster)).layout;
        const held = appliedFrom(loaded(setting, layout).ruleSet(), namesIn(setting));
        const plan = finish(planAll(held, again));
        expect(plan.steps).toEqual([]);
        expect(plan.cost).toEqual({ steps: 0, lines: 0, bytes: 0 });
        expect(finish(planChange(held, layout, layout)).steps).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('costs what it says', () => {
    fc.assert(
      fc.property(someSetting, histories, (setting, [a, b]) => {
        const before = momentOf(setting, objectsOf(a));
        const after = momentOf(setting, objectsOf(b), before);
        const held = filled(before.layout);
        const plan = finish(planChange(held, before.layout, after.layout));
        const text = textOf(plan);
        expect(plan.cost).toEqual({
          steps: plan.steps.length,
          lines: text.split('\n').length - 1,
          bytes: Buffer.byteLength(text),
        });
      }),
      { numRuns: 20 },
    );
  });

  it('names the Route that each line of a Service serves', () => {
    fc.assert(
      fc.property(someSetting, clusters, (setting, cluster) => {
        const { layout, decided } = momentOf(setting, objectsOf(cluster));
        const keys = new Set([...entries(decided.routes)].map(([key]) => key));
        const named = new Set(
          [...restoreLines(finish(planAll(nothingApplied, layout)).steps, 'one')].map(
            ({ service: key }) => key,
          ),
        );
        named.delete(undefined);
        expect(named).toEqual(keys);
      }),
      { numRuns: 20 },
    );
  });

  it('is the same text however the objects came', () => {
    const property = fc.property(
      someSetting,
      clusters.chain((cluster) => fc.tuple(fc.constant(cluster), shuffled(objectsOf(cluster)))),
      (setting, [cluster, objects]) => {
        const text = (of: ReturnType<typeof objectsOf>) =>
          textOf(finish(planAll(nothingApplied, momentOf(setting, of).layout)));
        expect(text(objects)).toBe(text(objectsOf(cluster)));
      },
    );
    fc.assert(property, { numRuns: 20 });
  });

  it('is the same text whatever the cluster was before', () => {
    fc.assert(
      fc.property(someSetting, histories, (setting, [a, b]) => {
        const detour = momentOf(setting, objectsOf(b), momentOf(setting, objectsOf(a)));
        const direct = momentOf(setting, objectsOf(b));
        const text = (layout: Layout) => textOf(finish(planAll(nothingApplied, layout)));
        expect(text(detour.layout)).toBe(text(direct.layout));
      }),
      { numRuns: 20 },
    );
  });
});

/** Steps come in another order when all is compared; what they say is the same. */
function sortKey(step: Plan['steps'][number]): string {
  const { table, chain, verb, creates, replaces } = step;
  const lines = Array.from(restoreLines([step], 'one'), ({ text }) => text);
  return JSON.stringify([table, chain, verb, creates, replaces, ...lines]);
}

describe('one change among 10,000 Services', () => {
  const serviceOf = (number: number) =>
    service({
      name: `s${number}`,
      clusterIPs: [`172.30.${number >> 8}.${number & 255}`],
      ports: [{ port: 80 }],
    });
  const sliceOf = (number: number, count: number) =>
    slice({
      of: `s${number}`,
      family: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: [...Array(count).keys()].map((at) => ({ address: `10.244.${at}.${number & 255}` })),
    });
  const all = [...Array(10_000).keys()].flatMap((number) => [serviceOf(number), sliceOf(number, 1)]);
  const before = momentOf(plainSetting, all);
  const held = filled(before.layout);

  /** Lines that are sent when some of the objects are said anew. */
  function linesAfter(...objects: readonly Json[]): readonly string[] {
    const changes = changesTo(before.snapshot, snapshotOf(objects)).filter(
      ({ object }) => object !== undefined,
    );
    const snapshot = revise(before.snapshot, changes);
    const { layout } = momentOfSnapshot(plainSetting, snapshot, before);
    const plan = finish(planChange(held, before.layout, layout));
    return textOf(plan).split('\n').slice(0, -1);
  }

  it('of an endpoint sends nine lines', () => {
    expect(linesAfter(sliceOf(4711, 2))).toMatchInlineSnapshot(`
      [
        "*nat",
        ":KUBE-SVC-ORHIGBOGKHTXX4DQ - [0:0]",
        ":KUBE-SEP-FPTJGPR7K23GHOOD - [0:0]",
        "-A KUBE-SVC-ORHIGBOGKHTXX4DQ -m comment --comment "default/s4711 cluster IP" -m tcp -p tcp -d 172.30.18.103 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ",
        "-A KUBE-SVC-ORHIGBOGKHTXX4DQ -m comment --comment "default/s4711 -> 10.244.0.103:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-GU7YBFIEAFUWQX52",
        "-A KUBE-SVC-ORHIGBOGKHTXX4DQ -m comment --comment "default/s4711 -> 10.244.1.103:8080" -j KUBE-SEP-FPTJGPR7K23GHOOD",
        "-A KUBE-SEP-FPTJGPR7K23GHOOD -m comment --comment default/s4711 -s 10.244.1.103 -j KUBE-MARK-MASQ",
        "-A KUBE-SEP-FPTJGPR7K23GHOOD -m comment --comment default/s4711 -m tcp -p tcp -j DNAT --to-destination 10.244.1.103:8080",
        "COMMIT",
      ]
    `);
  });

  it('of a Service that lost its endpoints rewrites its dispatch chains', () => {
    expect(linesAfter(sliceOf(4711, 0))).toMatchInlineSnapshot(`
      [
        "*filter",
        ":KUBE-SERVICES - [0:0]",
        "-A KUBE-SERVICES -m comment --comment "default/s4711 has no endpoints" -m tcp -p tcp -d 172.30.18.103 --dport 80 -j REJECT",
        "COMMIT",
        "*nat",
        ":KUBE-SVC-C2IJYQW7MMABFCBA - [0:0]",
        ":KUBE-SVC-ORHIGBOGKHTXX4DQ - [0:0]",
        ":KUBE-SEP-GU7YBFIEAFUWQX52 - [0:0]",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4704 cluster IP" -m tcp -p tcp -d 172.30.18.96 --dport 80 -j KUBE-SVC-UH2PUQFDTKQT3JLC",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4705 cluster IP" -m tcp -p tcp -d 172.30.18.97 --dport 80 -j KUBE-SVC-5NHSDMEIZKDIXWAH",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4706 cluster IP" -m tcp -p tcp -d 172.30.18.98 --dport 80 -j KUBE-SVC-32FJHAO6UCSFQMXG",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4707 cluster IP" -m tcp -p tcp -d 172.30.18.99 --dport 80 -j KUBE-SVC-7KG3R45XM23KNKBH",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4708 cluster IP" -m tcp -p tcp -d 172.30.18.100 --dport 80 -j KUBE-SVC-MUCC5KQUZQSFD66G",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4709 cluster IP" -m tcp -p tcp -d 172.30.18.101 --dport 80 -j KUBE-SVC-XNYUHEPPWVK3FLRT",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4710 cluster IP" -m tcp -p tcp -d 172.30.18.102 --dport 80 -j KUBE-SVC-JKO5S64R4JLNQH5G",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4712 cluster IP" -m tcp -p tcp -d 172.30.18.104 --dport 80 -j KUBE-SVC-IAJ74VPRAY57BM2A",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4713 cluster IP" -m tcp -p tcp -d 172.30.18.105 --dport 80 -j KUBE-SVC-UUX6EN276MHCQM4S",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4714 cluster IP" -m tcp -p tcp -d 172.30.18.106 --dport 80 -j KUBE-SVC-3NVWAEBXIDWSM44G",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4715 cluster IP" -m tcp -p tcp -d 172.30.18.107 --dport 80 -j KUBE-SVC-MKTWWQUGQFAZMOBJ",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4716 cluster IP" -m tcp -p tcp -d 172.30.18.108 --dport 80 -j KUBE-SVC-UE6OAS2L2GU6STVK",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4717 cluster IP" -m tcp -p tcp -d 172.30.18.109 --dport 80 -j KUBE-SVC-FPSSOERROAXWJMIA",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4718 cluster IP" -m tcp -p tcp -d 172.30.18.110 --dport 80 -j KUBE-SVC-QBLVZILRVSO65DRF",
        "-A KUBE-SVC-C2IJYQW7MMABFCBA -m comment --comment "default/s4719 cluster IP" -m tcp -p tcp -d 172.30.18.111 --dport 80 -j KUBE-SVC-A2QNESMVPZDLISPT",
        "-X KUBE-SVC-ORHIGBOGKHTXX4DQ",
        "-X KUBE-SEP-GU7YBFIEAFUWQX52",
        "COMMIT",
      ]
    `);
  });
});
