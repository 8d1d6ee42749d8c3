import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clusters,
  histories,
  type Moment,
  momentOf,
  namesIn,
  nfacctCounters,
  objectsOf,
  plainSetting,
  type Setting,
  someSetting,
} from '../../../../test/conformance/arbitraries.ts';
import { service, slice } from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables } from '../../../kernel/fake.ts';
import { entries } from '../../../model/immutable-map.ts';
import type { Comparison } from '../../comparison.ts';
import { describeChange } from '../../describe-change.ts';
import type { Layout } from '../layout/layout.ts';
import { type RuleSet, tableNames } from '../objects.ts';
import { parseRules } from '../parse/parse.ts';
import { nothingApplied } from '../plan/applied.ts';
import { planAll } from '../plan/delta.ts';
import { appliedFrom } from '../plan/read-applied.ts';
import { restoreLines } from '../plan/restore.ts';
import { compare } from './compare.ts';
import { readRoutes } from './read-routes.ts';

/** What the kernel's own tools print once the layout is applied. */
function saved({ family }: Setting, layout: Layout): RuleSet {
  const fake = createFakeIptables(family, { counters: nfacctCounters });
  const { steps } = finish(planAll(nothingApplied, layout));
  const text = Array.from(restoreLines(steps, 'one'), (line) => `${line.text}\n`).join('');
  expect(fake.restore(text, { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
  return parseRules(fake.save(), family).ruleSet;
}

/** The rules without one of them. */
function withoutRule(ruleSet: RuleSet, choice: number): RuleSet {
  const chains = tableNames.flatMap((table) => [...ruleSet[table].values()]);
  const placed = chains.flatMap((chain) => chain.rules.map((rule) => ({ chain, rule })));
  const { chain, rule } = placed[choice % placed.length] ?? {};
  if (chain === undefined) return ruleSet;
  const less = { ...chain, rules: chain.rules.filter((other) => other !== rule) };
  return { ...ruleSet, [chain.table]: new Map(ruleSet[chain.table]).set(chain.name, less) };
}

function keysOf({ changes }: Comparison): readonly string[] {
  return changes
    .map(({ service: name, protocol }) =>
      protocol === undefined ? name : `${name}/${protocol.toLowerCase()}`,
    )
    .sort();
}

/** Keys of the Routes between which traffic would notice a difference. */
function noticed(before: Moment, after: Moment): readonly string[] {
  const [old, fresh] = [before, after].map(({ decided }) => new Map(entries(decided.routes)));
  const { localPods } = after.decided.node;
  return [...new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])])]
    .filter((key) => {
      const [was, is] = [old?.get(key), fresh?.get(key)];
      return describeChange(was && { route: was, localPods }, is && { route: is, localPods }) !== undefined;
    })
    .sort();
}

describe('routes that are read back', () => {
  it('are those that were wanted, as far as traffic can tell', () => {
    fc.assert(
      fc.property(someSetting, clusters, (setting, cluster) => {
        const { decided, layout } = momentOf(setting, objectsOf(cluster));
        const { routes, foreign } = readRoutes(saved(setting, layout), setting.family, namesIn(setting));
        expect(foreign).toEqual([]);
        expect([...routes.keys()].sort()).toEqual([...entries(decided.routes)].map(([key]) => key).sort());
        for (const [key, route] of entries(decided.routes)) {
          const wanted = { route, localPods: decided.node.localPods };
          expect(describeChange(routes.get(key), wanted)).toBeUndefined();
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('a comparison', () => {
  it('is empty exactly when a plan has no steps', () => {
    fc.assert(
      fc.property(someSetting, histories, (setting, [a, b]) => {
        const before = momentOf(setting, objectsOf(a));
        const after = momentOf(setting, objectsOf(b), before);
        const live = saved(setting, before.layout);
        const { changes, drift } = finish(compare(after.layout, live));
        const { steps } = finish(planAll(appliedFrom(live, namesIn(setting)), after.layout));
        expect(changes.length + drift.length === 0).toBe(steps.length === 0);
        expect(finish(compare(before.layout, live))).toEqual({ changes: [], drift: [] });
      }),
      { numRuns: 20 },
    );
  });

  it('says something exactly when a plan has steps, also where somebody else was at work', () => {
    fc.assert(
      fc.property(someSetting, histories, fc.nat(), (setting, [a, b], choice) => {
        const before = momentOf(setting, objectsOf(a));
        const after = momentOf(setting, objectsOf(b), before);
        const live = withoutRule(saved(setting, before.layout), choice);
        for (const { layout } of [before, after]) {
          const { changes, drift } = finish(compare(layout, live));
          const { steps } = finish(planAll(appliedFrom(live, namesIn(setting)), layout));
          expect(changes.length + drift.length === 0).toBe(steps.length === 0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('names the Services whose traffic would notice, and blames nobody for it', () => {
    fc.assert(
      fc.property(someSetting, histories, (setting, [a, b]) => {
        const before = momentOf(setting, objectsOf(a));
        const after = momentOf(setting, objectsOf(b), before);
        const told = finish(compare(after.layout, saved(setting, before.layout)));
        expect(told.drift).toEqual([]);
        expect(keysOf(told).filter((key) => key !== 'node')).toEqual(noticed(before, after));
      }),
      { numRuns: 25 },
    );
  });

  it('shows as rule lines what a Service gets and loses, and no line of another', () => {
    fc.assert(
      fc.property(someSetting, histories, (setting, [a, b]) => {
        const before = momentOf(setting, objectsOf(a));
        const after = momentOf(setting, objectsOf(b), before);
        for (const { service: name, rules } of finish(compare(after.layout, saved(setting, before.layout)))
          .changes) {
          if (name === 'node') continue;
          expect(rules.added.length + rules.removed.length, name).toBeGreaterThan(0);
          for (const line of [...rules.added, ...rules.removed]) {
            const owner = / --comment "?(?:[a-z ]+ for )?(default\/s\d+:[a-z-]+)/.exec(line)?.[1] ?? name;
            expect(owner, line).toBe(name);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('in words', () => {
  const web = (endpoints: number, spec = {}) => [
    service({
      name: 'web',
      clusterIPs: ['172.30.0.41'],
      type: 'NodePort',
      ports: [{ name: 'http', port: 80, nodePort: 30080 }],
      spec,
    }),
    slice({
      of: 'web',
      family: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [...Array(endpoints).keys()].map((at) => ({ address: `10.244.1.${at + 1}` })),
    }),
  ];
  const between = (before: ReturnType<typeof web>, after: ReturnType<typeof web>) =>
    finish(
      compare(
        momentOf(plainSetting, after).layout,
        saved(plainSetting, momentOf(plainSetting, before).layout),
      ),
    ).changes;

  it('a Service that scales', () => {
    expect(between(web(3), web(4))).toMatchObject([
      {
        service: 'default/web:http',
        family: 'IPv4',
        protocol: 'TCP',
        action: 'change',
        addresses: ['172.30.0.41:80/tcp', 'nodePort 30080/tcp'],
        before: { endpoints: 3, affinitySeconds: undefined },
        after: { endpoints: 4, affinitySeconds: undefined },
        details: ['endpoint +10.244.1.4:8080'],
      },
    ]);
  });

  it('a Service that comes or goes', () => {
    const [come] = between([], web(2));
    expect(come).toMatchObject({ action: 'add', before: undefined, after: { endpoints: 2 }, details: [] });
    expect(come?.rules.removed).toEqual([]);
    const [gone] = between(web(2), []);
    expect(gone).toMatchObject({ action: 'remove', before: { endpoints: 2 }, after: undefined });
    expect(gone?.rules.added).toEqual([]);
    expect(gone?.rules.removed).toHaveLength(come?.rules.added.length ?? 0);
  });

  it('affinity, policies and a lost endpoint', () => {
    const [sticky] = between(web(2), web(2, { sessionAffinity: 'ClientIP' }));
    expect(sticky?.details).toEqual(['affinity on (10800 s)']);
    expect(sticky?.after).toEqual({ endpoints: 2, affinitySeconds: 10_800 });
    const [local] = between(web(2), web(2, { externalTrafficPolicy: 'Local' }));
    expect(local?.details).toEqual([
      'external traffic: cluster endpoints, masqueraded → local-pods (10.244.0.0/16): cluster endpoints; ' +
        'node: cluster endpoints, masqueraded; drop',
    ]);
    const [empty] = between(web(1), web(0));
    expect(empty?.details).toEqual([
      'endpoint -10.244.1.1:8080',
      'ClusterIP traffic: not-local-pods (10.244.0.0/16): cluster endpoints, masqueraded; cluster endpoints → reject',
      'external traffic: cluster endpoints, masqueraded → reject',
    ]);
  });

  it('the first rules of a node without Services', () => {
    const { family } = plainSetting;
    const empty = parseRules('', family).ruleSet;
    const told = finish(compare(momentOf(plainSetting, []).layout, empty));
    expect(told.drift).toEqual([]);
    expect(told.changes).toMatchObject([{ service: 'node', action: 'add', before: undefined }]);
  });
});
