import { beforeAll, describe, expect, it } from 'vitest';
import { host, type Moment, momentOf, plainSetting } from '../../../../test/conformance/arbitraries.ts';
import { type Json, service, slice } from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables, type FakeIptables } from '../../../kernel/fake.ts';
import type { Plan } from '../../plan.ts';
import { trace } from '../trace/evaluate.ts';
import { nothingApplied } from './applied.ts';
import { planAll, planChange } from './delta.ts';
import { appliedFrom } from './read-applied.ts';
import { restoreLines, type Transactions } from './restore.ts';

/** The restore input of a plan, cut behind each COMMIT. */
function transactionsOf(plan: Plan, transactions: Transactions): readonly string[] {
  const text = Array.from(restoreLines(plan.steps, transactions), (line) => `${line.text}\n`).join('');
  return text.split(/(?<=^COMMIT\n)/m);
}

const vip = (number: number) => `172.30.${number >> 7}.${number & 127}`;

/** One Service; what it is like follows from the generation, so that two generations differ in nearly everything. */
function member(number: number, generation: number): readonly Json[] {
  const name = `s${number}`;
  const exposed = (number + generation) % 3 === 0;
  const port = { name: 'http', port: 80, ...(exposed ? { nodePort: 30_000 + number } : {}) };
  const count = number % 80 === 0 ? 25 : 1;
  return [
    service({
      name,
      clusterIPs: [vip(number)],
      type: exposed ? 'NodePort' : 'ClusterIP',
      ports: [port],
      spec: (number + generation) % 5 === 0 ? { sessionAffinity: 'ClientIP' } : {},
    }),
    slice({
      of: name,
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [...Array(count).keys()].map((at) => ({
        address: `10.244.${at + generation * 30}.${number & 127}`,
      })),
    }),
  ];
}

/** 750 Services; another fifty come and go with each generation. */
function cluster(generation: number): readonly Json[] {
  return [...Array(800).keys()]
    .filter((number) => number % 16 !== generation % 16)
    .flatMap((number) => member(number, generation));
}

const numbers = [...Array(800).keys()].filter((number) => number % 32 < 2 || number % 80 === 0);

/** What becomes of a new connection to each of some Services. */
function fates(fake: FakeIptables): readonly string[] {
  const ruleSet = fake.ruleSet();
  return numbers.map((number) => {
    const told = trace(
      ruleSet,
      {
        source: '203.0.113.9',
        destination: vip(number),
        destinationPort: 80,
        protocol: 'TCP',
        from: { kind: 'interface', name: 'eth0' },
      },
      { localAddresses: new Set(host.addresses) },
    );
    expect(told.uncertain).toEqual([]);
    return JSON.stringify(told.outcomes);
  });
}

function send(fake: FakeIptables, text: string): void {
  expect(fake.restore(text, { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
}

function chainsOf(text: string): number {
  return text.match(/^:/gm)?.length ?? 0;
}

describe('one transaction', () => {
  it('for each table, and the same lines each time they are asked for', () => {
    const { layout } = momentOf(plainSetting, cluster(0));
    const plan = finish(planAll(nothingApplied, layout));
    const transactions = transactionsOf(plan, 'one');
    expect(transactions.map((text) => text.slice(0, text.indexOf('\n')))).toEqual([
      '*mangle',
      '*filter',
      '*nat',
    ]);
    const lines = restoreLines(plan.steps, 'one');
    expect([...lines]).toEqual([...lines]);
  });

  it('is nothing for no steps', () => {
    expect([...restoreLines([], 'one'), ...restoreLines([], 'small')]).toEqual([]);
  });

  it('is what small transactions are too while there is little to do', () => {
    const { layout } = momentOf(plainSetting, member(1, 0));
    const plan = finish(planAll(nothingApplied, layout));
    expect(transactionsOf(plan, 'small')).toEqual(transactionsOf(plan, 'one'));
  });
});

describe('small transactions', () => {
  let before: Moment;
  let after: Moment;
  let filled: Plan;
  beforeAll(() => {
    before = momentOf(plainSetting, cluster(0));
    after = momentOf(plainSetting, cluster(1), before);
    filled = finish(planAll(nothingApplied, before.layout));
  });

  function loaded(): FakeIptables {
    const fake = createFakeIptables('IPv4');
    for (const text of transactionsOf(filled, 'one')) send(fake, text);
    return fake;
  }

  /** Sends them one by one; after each, every connection fares as before all or as after all. */
  function expectNoMixture(fake: FakeIptables, plan: Plan, atLeast: number): void {
    const transactions = transactionsOf(plan, 'small');
    expect(transactions.length).toBeGreaterThanOrEqual(atLeast);
    const start = fates(fake);
    const seen = transactions.map((text) => {
      send(fake, text);
      return fates(fake);
    });
    const end = seen.at(-1) ?? start;
    expect(end).not.toEqual(start);
    for (const [index, fate] of seen.entries()) {
      const title = `after transaction ${index + 1} of ${seen.length}`;
      // All of them change in the same transaction.
      expect(fate.join() === start.join() || fate.join() === end.join(), title).toBe(true);
    }
  }

  it('lead to the same rules as one, and each is small', () => {
    const [small, one] = [createFakeIptables('IPv4'), createFakeIptables('IPv4')];
    for (const text of transactionsOf(filled, 'one')) send(one, text);
    for (const text of transactionsOf(filled, 'small')) {
      send(small, text);
      expect(chainsOf(text)).toBeLessThan(800);
    }
    expect(appliedFrom(small.ruleSet())).toEqual(appliedFrom(one.ruleSet()));
  });

  it('fill an empty kernel without a packet meeting a half of it', () => {
    expectNoMixture(createFakeIptables('IPv4'), filled, 4);
  });

  it('change one cluster into another without a mixture', () => {
    const fake = loaded();
    const held = appliedFrom(fake.ruleSet());
    const plan = finish(planChange(held, before.layout, after.layout));
    expectNoMixture(fake, plan, 5);
    expect(finish(planAll(appliedFrom(fake.ruleSet()), after.layout)).steps).toEqual([]);
  });

  it('keep together what packets can reach, however much it is', () => {
    const plan = finish(planChange(appliedFrom(loaded().ruleSet()), before.layout, after.layout));
    const reached = plan.steps.filter(
      ({ verb, creates, table }) => verb === 'write' && !creates && table === 'nat',
    );
    expect(reached.length).toBeGreaterThan(700);
    const together = transactionsOf(plan, 'small').filter((text) =>
      reached.every(({ chain }) => text.includes(`\n:${chain} `)),
    );
    expect(together).toHaveLength(1);
  });

  it('change a Service at a time when chains of very many Services change, each in one transaction', () => {
    const sticky = (spec: Json) =>
      [...Array(900).keys()].flatMap((number) => {
        const [one = {}, ...rest] = member(number, 0);
        return [{ ...one, spec: { ...Object(one['spec']), ...spec } }, ...rest];
      });
    const old = momentOf(plainSetting, sticky({}));
    const fresh = momentOf(plainSetting, sticky({ sessionAffinity: 'ClientIP' }), old);
    const fake = createFakeIptables('IPv4');
    for (const text of transactionsOf(finish(planAll(nothingApplied, old.layout)), 'one')) send(fake, text);
    const plan = finish(planChange(appliedFrom(fake.ruleSet()), old.layout, fresh.layout));
    const transactions = transactionsOf(plan, 'small').filter((text) => text !== '');
    expect(Math.max(...transactions.map(chainsOf))).toBeLessThan(800);
    const services = new Map<string, Set<string>>();
    for (const { chain, service, table, verb } of plan.steps) {
      if (service === undefined || table !== 'nat' || verb !== 'write') continue;
      const at = transactions.findIndex((text) => text.includes(`\n:${chain} `));
      services.set(service, (services.get(service) ?? new Set()).add(String(at)));
    }
    expect(services.size).toBeGreaterThan(600);
    expect([...services.values()].filter(({ size }) => size !== 1)).toEqual([]);
    const start = fates(fake);
    const seen = transactions.map((text) => {
      send(fake, text);
      return fates(fake);
    });
    const end = seen.at(-1) ?? [];
    for (const fate of seen)
      for (const [at, one] of fate.entries()) expect([start[at], end[at]]).toContain(one);
    expect(finish(planAll(appliedFrom(fake.ruleSet()), fresh.layout)).steps).toEqual([]);
  });

  it('make the chains of a large dispatch tree from its leaves up', () => {
    const scattered = [...Array(4400).keys()].map((number) => {
      const at = (number * 40_503) & 0xffff;
      return service({
        name: `s${number}`,
        clusterIPs: [`172.30.${at >> 8}.${at & 255}`],
        ports: [{ port: 80 }],
      });
    });
    const plan = finish(planAll(nothingApplied, momentOf(plainSetting, scattered).layout));
    const transactions = transactionsOf(plan, 'small').filter((text) => text.startsWith('*filter'));
    expect(transactions.length).toBeGreaterThan(2);
    const fake = createFakeIptables('IPv4');
    for (const text of transactions) send(fake, text);
    expect(fake.ruleSet().filter.size).toBeGreaterThan(1400);
  });

  it('do so also when all that the kernel holds was read back', () => {
    const fake = loaded();
    expectNoMixture(fake, finish(planAll(appliedFrom(fake.ruleSet()), after.layout)), 5);
    expect(finish(planAll(appliedFrom(fake.ruleSet()), after.layout)).steps).toEqual([]);
  });

  it('take nearly everything away', () => {
    const fake = loaded();
    const few = momentOf(plainSetting, member(1, 0), before);
    expectNoMixture(fake, finish(planChange(appliedFrom(fake.ruleSet()), before.layout, few.layout)), 3);
    expect(finish(planAll(appliedFrom(fake.ruleSet()), few.layout)).steps).toEqual([]);
  });
});
