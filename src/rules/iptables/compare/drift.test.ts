import { describe, expect, it } from 'vitest';
import { momentOf, nfacctCounters, plainSetting } from '../../../../test/conformance/arbitraries.ts';
import { type Json, service, slice } from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables } from '../../../kernel/fake.ts';
import type { ChainDrift, Comparison } from '../../comparison.ts';
import type { Layout } from '../layout/layout.ts';
import { kubeProxyNames } from '../names.ts';
import { type RuleSet, type TableName, tableNames } from '../objects.ts';
import { parseRules } from '../parse/parse.ts';
import { nothingApplied } from '../plan/applied.ts';
import { planAll } from '../plan/delta.ts';
import { restoreLines } from '../plan/restore.ts';
import { renderRule, renderRuleWith } from '../render.ts';
import { compare } from './compare.ts';

const { family } = plainSetting;

const web = [
  service({
    name: 'web',
    type: 'LoadBalancer',
    clusterIPs: ['172.30.0.41'],
    ports: [{ name: 'http', port: 80, nodePort: 30080 }],
    ingress: [{ ip: '198.51.100.4' }],
    spec: {
      externalIPs: ['192.0.2.4'],
      loadBalancerSourceRanges: ['203.0.113.0/25'],
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 32004,
      sessionAffinity: 'ClientIP',
    },
  }),
  slice({
    of: 'web',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [
      { address: '10.244.1.1', node: 'node-a' },
      { address: '10.244.2.2', node: 'node-b' },
      { address: '10.244.2.3', node: 'node-b' },
    ],
  }),
];
const api = [
  service({ name: 'api', clusterIPs: ['172.30.0.42'], ports: [{ port: 443 }] }),
  slice({
    of: 'api',
    ports: [{ port: 6443 }],
    endpoints: [{ address: '10.244.2.4' }, { address: '10.244.2.5' }],
  }),
];
const empty = [
  service({
    name: 'empty',
    type: 'NodePort',
    clusterIPs: ['172.30.0.43'],
    ports: [{ port: 80, nodePort: 30090 }],
  }),
];
/** So many that dispatch is a tree, and one with so many endpoints that their choice is one. */
const many = [...Array(17).keys()].flatMap((number) => [
  service({ name: `m${number}`, clusterIPs: [`172.30.1.${number * 10 + 1}`], ports: [{ port: 80 }] }),
  slice({
    of: `m${number}`,
    ports: [{ port: 8080 }],
    endpoints: [...Array(number === 0 ? 20 : 1).keys()].map((at) => ({ address: `10.244.3.${at + 1}` })),
  }),
]);
const cluster = [...web, ...api, ...empty, ...many];

const layout = layoutOf(cluster);
const untouched = loaded(layout);

function layoutOf(objects: readonly Json[]): Layout {
  return momentOf(plainSetting, objects).layout;
}

/** The kernel after the layout and then somebody's commands. */
function loaded(from: Layout, ...tampering: readonly string[]): RuleSet {
  const fake = createFakeIptables(family, { counters: nfacctCounters });
  const { steps } = finish(planAll(nothingApplied, from));
  const ours = Array.from(restoreLines(steps, 'one'), (line) => `${line.text}\n`).join('');
  for (const text of [ours, ...tampering]) {
    expect(fake.restore(text, { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
  }
  return parseRules(fake.save(), family).ruleSet;
}

function commands(table: string, ...lines: readonly string[]): string {
  return `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

function told(live: RuleSet, wanted = layout): Comparison {
  return finish(compare(wanted, live));
}

/** The one chain whose rules lead to a place, or whose name is like it. */
function chainWith(text: string): string {
  const found = [...untouched.nat.values()].filter(({ name, rules }) =>
    rules.some((rule) => renderRule(name, rule).includes(text)),
  );
  expect(found.map(({ name }) => name)).toHaveLength(1);
  return found[0]?.name ?? '';
}

/** Tampering that is told as drift of one chain and Service, and as nothing else. */
function expectDrift(tampering: string, expected: Partial<ChainDrift>): void {
  const { changes, drift } = told(loaded(layout, tampering));
  expect(drift).toEqual([
    { family, table: 'nat', service: undefined, added: [], removed: [], missing: false, ...expected },
  ]);
  expect(changes).toEqual([]);
}

describe('somebody', () => {
  const svc = chainWith('default/api -> 10.244.2.4:6443');
  const sep = chainWith('--to-destination 10.244.2.4:6443');
  const rulesOf = (table: TableName, chain: string) =>
    (untouched[table].get(chain)?.rules ?? []).map((rule) => renderRule(chain, rule));

  it('put a rule into KUBE-SERVICES', () => {
    const added = ['-A KUBE-SERVICES -s 10.9.9.9 -j ACCEPT'];
    expectDrift(commands('nat', ...added), { chain: 'KUBE-SERVICES', added });
  });

  it('put a rule into the chain of a Service', () => {
    const added = [`-A ${svc} -s 10.9.9.9 -j RETURN`];
    expectDrift(commands('nat', ...added), { chain: svc, service: 'default/api', added });
  });

  it('deleted a rule from the chain of an endpoint', () => {
    const [hairpin = ''] = rulesOf('nat', sep);
    const { drift, changes } = told(loaded(layout, commands('nat', hairpin.replace('-A', '-D'))));
    expect(drift).toMatchObject([{ chain: sep, service: 'default/api', added: [], missing: false }]);
    expect(drift[0]?.removed).toHaveLength(1);
    expect(changes).toEqual([]);
  });

  it('flushed the chain of a Service', () => {
    const { drift, changes } = told(loaded(layout, commands('nat', `-F ${svc}`)));
    expect(drift).toMatchObject([{ chain: svc, service: 'default/api', added: [], missing: false }]);
    expect(drift[0]?.removed).toHaveLength(3);
    expect(changes).toEqual([]);
  });

  it('deleted a jump from a built-in chain', () => {
    const jump = '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES';
    expectDrift(commands('nat', `-D PREROUTING ${jump}`), {
      chain: 'PREROUTING',
      removed: [`-A PREROUTING ${jump}`],
    });
  });

  it('changed a probability', () => {
    const rules = rulesOf('nat', svc).map((line) => line.replace(/0\.50*/, '0.7500000000'));
    const { drift, changes } = told(loaded(layout, commands('nat', `-F ${svc}`, ...rules)));
    expect(changes).toEqual([]);
    expect(drift).toMatchObject([{ chain: svc, service: 'default/api' }]);
    expect(drift[0]?.added.join()).toMatch(/--probability 0\.7500/);
    expect(drift[0]?.removed.join()).toMatch(/--probability 0\.5000/);
  });

  it('changed where DNAT leads to', () => {
    const rules = rulesOf('nat', sep).map((line) => line.replace('10.244.2.4:6443', '10.66.6.6:6443'));
    const { drift, changes } = told(loaded(layout, commands('nat', `-F ${sep}`, ...rules)));
    expect(changes).toEqual([]);
    expect(drift).toMatchObject([{ chain: sep, service: 'default/api' }]);
    expect(drift[0]?.added.join()).toContain('10.66.6.6:6443');
  });

  it.each(['KUBE-MARK-MASQ', 'KUBE-POSTROUTING'])('emptied %s', (chain) => {
    const { drift, changes } = told(loaded(layout, commands('nat', `-F ${chain}`)));
    expect(changes).toEqual([]);
    expect(drift).toMatchObject([{ chain, service: undefined, added: [], missing: false }]);
    expect(drift[0]?.removed).toHaveLength(untouched.nat.get(chain)?.rules.length ?? 0);
  });

  it('took away the canary', () => {
    expectDrift(commands('mangle', '-X KUBE-PROXY-CANARY'), {
      table: 'mangle',
      chain: 'KUBE-PROXY-CANARY',
      missing: true,
    });
  });

  it('emptied the chain that blocks sources of a load balancer', () => {
    const { drift, changes } = told(loaded(layout, commands('filter', '-F KUBE-PROXY-FIREWALL')));
    expect(changes).toEqual([]);
    expect(drift).toMatchObject([
      { table: 'filter', chain: 'KUBE-PROXY-FIREWALL', service: 'default/web:http' },
    ]);
  });

  it('emptied KUBE-SERVICES, and no Service below is told as new', () => {
    const { drift, changes } = told(loaded(layout, commands('nat', '-F KUBE-SERVICES')));
    expect(changes.map(({ service: of, action }) => `${of} ${action}`)).toEqual([]);
    expect(drift).toMatchObject([{ chain: 'KUBE-SERVICES', service: undefined }]);
  });

  it('touched one Service while the cluster changed another', () => {
    const before = layoutOf([...api, ...web]);
    const after = layoutOf([...api, ...web, ...empty]);
    const { drift, changes } = told(loaded(before, commands('nat', `-F ${svc}`)), after);
    expect(drift).toMatchObject([{ chain: svc, service: 'default/api' }]);
    expect(changes).toMatchObject([{ service: 'default/empty', action: 'add' }]);
  });
});

const chains = tableNames.flatMap((table) => [...untouched[table].values()]);
/** Those of one of the many alike stand for all. */
const ours = chains.filter(
  ({ name, rules }) =>
    (kubeProxyNames.isOwn(name) || name === 'KUBE-FIREWALL') &&
    !rules.every((rule) => /default\/m[1-9]/.test(renderRule(name, rule))),
);

describe('wherever it happens', () => {
  it('a foreign rule is drift of its chain', () => {
    for (const { table, name } of ours) {
      const line = `${name} -s 10.9.9.9 -j RETURN`;
      const { changes, drift } = told(loaded(layout, commands(table, `-I ${line}`)));
      expect(changes, line).toEqual([]);
      expect(
        drift.map(({ chain, added, removed }) => ({ chain, added, removed })),
        line,
      ).toEqual([{ chain: name, added: [`-A ${line}`], removed: [] }]);
    }
  });

  /** Without such a rule the kernel looks as it did before the Service got the address or the port. */
  const likeBefore =
    /KUBE-NODEPORTS .* --dport 30080 |health check node port|external IP"|loadbalancer IP" --dport|no endpoints" .*--dst-type LOCAL/;

  it('a deleted rule is drift of its chain, unless the Service may have been without it before', () => {
    const wrong = ours.flatMap(({ table, name, rules }) =>
      rules
        .filter((rule) => !likeBefore.test(renderRule(name, rule)))
        .flatMap((rule) => mistold(commands(table, renderRuleWith('-D', name, rule)), name)),
    );
    expect(wrong).toEqual([]);
  });

  it('a flushed chain is drift, unless all its rules may have been missing before', () => {
    const wrong = ours
      .filter(({ name, rules }) => !rules.every((rule) => likeBefore.test(renderRule(name, rule))))
      .flatMap(({ table, name }) => mistold(commands(table, `-F ${name}`), name));
    expect(wrong).toEqual([]);
  });

  /** What is said of tampering with a chain other than that it is drift there. */
  function mistold(tampering: string, chain: string): readonly string[] {
    const { changes, drift } = told(loaded(layout, tampering));
    const asked = tampering.split('\n')[1] ?? '';
    return [
      ...changes.map(({ service: of, action }) => `${asked}: ${of} ${action}`),
      ...drift.filter((found) => found.chain !== chain).map((found) => `${asked}: drift in ${found.chain}`),
      ...(drift.some((found) => found.chain === chain) ? [] : [`${asked}: no drift`]),
    ];
  }
});
