import { describe, expect, it } from 'vitest';
import { host, plainSetting } from '../../test/conformance/arbitraries.ts';
import { type Json, node, service, slice } from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { createFakeIptables, type FakeIptables } from '../kernel/fake.ts';
import type { RoutingInput } from '../routing/routes.ts';
import { usualFeatures } from '../rules/iptables/features.ts';
import { appliedFrom } from '../rules/iptables/plan/read-applied.ts';
import type { Line } from '../rules/plan.ts';
import { forgotten, freshState, type RuleKernel, sync } from './sync.ts';

const { features } = plainSetting;

/** A kernel that counts what is asked of it, and fails when told to. */
class ScriptedKernel implements RuleKernel {
  readonly programs: RuleKernel['programs'];
  readonly fake: FakeIptables;
  readonly sent: string[] = [];
  saves = 0;
  /** Where in a restore it fails; `between`: with its first transaction applied, as when it is killed. */
  failing: 'before' | 'between' | 'behind' | undefined;

  constructor(variant: 'nft' | 'legacy' = 'nft') {
    this.programs = { variant, naming: 'suffixed', version: '1.8.9' };
    this.fake = createFakeIptables('IPv4', { variant });
  }

  restore(lines: Iterable<Line>): Promise<void> {
    const text = Array.from(lines, (line) => `${line.text}\n`).join('');
    this.sent.push(text);
    if (this.failing === 'before') return Promise.reject(new Error('lock held'));
    const taken = this.failing === 'between' ? text.slice(0, text.indexOf('COMMIT') + 7) : text;
    const { exitCode, stderr } = this.fake.restore(taken, { noflush: true });
    if (exitCode !== 0) return Promise.reject(new Error(stderr));
    return this.failing === undefined ? Promise.resolve() : Promise.reject(new Error('killed'));
  }

  save(): Promise<string> {
    this.saves += 1;
    return Promise.resolve(this.fake.save());
  }

  async read(take: (piece: string) => Promise<void>): Promise<void> {
    const text = await this.save();
    const half = text.length >> 1;
    await take(text.slice(0, half));
    await take(text.slice(half));
  }
}

function cluster(endpoints: number): readonly Json[] {
  return [
    node({ name: 'node-a', addresses: ['192.168.50.11'] }),
    service({ name: 'web', clusterIPs: ['172.30.0.41'], ports: [{ port: 80 }] }),
    slice({
      of: 'web',
      family: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: [...Array(endpoints).keys()].map((at) => ({
        address: `10.244.${at >> 7}.${(at & 127) + 1}`,
      })),
    }),
  ];
}

function input(endpoints: number): RoutingInput {
  return { family: 'IPv4', settings: plainSetting.settings, host, snapshot: snapshotOf(cluster(endpoints)) };
}

describe('a sync', () => {
  it('reads the kernel once, at the start, and knows from then on what it holds', async () => {
    const kernel = new ScriptedKernel();
    const first = await sync(input(2), features, kernel, freshState);
    expect(kernel.saves).toBe(1);
    expect(kernel.sent).toHaveLength(1);
    expect(first.next.applied?.jumps).toEqual(appliedFrom(kernel.fake.ruleSet()).jumps);
    const second = await sync(input(3), features, kernel, first.next);
    expect(kernel.saves).toBe(1);
    expect(second.plan.cost.lines).toBe(10);
    expect(kernel.sent[1]?.match(/^-A/gm)).toHaveLength(6);
  });

  it('sends nothing when nothing changed, also after a restart', async () => {
    const kernel = new ScriptedKernel();
    const first = await sync(input(2), features, kernel, freshState);
    const second = await sync(input(2), features, kernel, first.next);
    const restarted = await sync(input(2), features, kernel, freshState);
    expect(second.plan.steps).toEqual([]);
    expect(restarted.plan.steps).toEqual([]);
    expect(kernel.sent).toHaveLength(1);
    expect(kernel.saves).toBe(2);
  });

  it('applies after a restart only what differs', async () => {
    const kernel = new ScriptedKernel();
    await sync(input(2), features, kernel, freshState);
    const { plan } = await sync(input(3), features, kernel, freshState);
    expect(plan.steps.map(({ chain }) => chain.slice(0, 9))).toEqual(['KUBE-SVC-', 'KUBE-SEP-']);
  });

  it.each(['before', 'between', 'behind'] as const)(
    'that fails %s its transactions is made up for by the next',
    async (failing) => {
      const kernel = new ScriptedKernel();
      const first = await sync(input(0), features, kernel, freshState);
      kernel.failing = failing;
      await expect(sync(input(3), features, kernel, first.next)).rejects.toThrow();
      kernel.failing = undefined;
      const state = forgotten(first.next);
      expect(state).toEqual({ ...first.next, applied: undefined });
      // What somebody did meanwhile is put right as well, because the kernel is read again.
      kernel.fake.restore('*nat\n-F KUBE-MARK-MASQ\nCOMMIT\n', { noflush: true });
      const third = await sync(input(3), features, kernel, state);
      expect(kernel.saves).toBe(2);
      expect(third.plan.steps.map(({ chain }) => chain)).toContain('KUBE-MARK-MASQ');
      const direct = new ScriptedKernel();
      await sync(input(3), features, direct, freshState);
      expect(appliedFrom(kernel.fake.ruleSet())).toEqual(appliedFrom(direct.fake.ruleSet()));
    },
  );

  it('lays everything out again when the programs can do more', async () => {
    const kernel = new ScriptedKernel();
    const first = await sync(input(2), { ...usualFeatures, randomFully: false }, kernel, freshState);
    const { plan } = await sync(input(2), usualFeatures, kernel, first.next);
    expect(plan.steps.map(({ chain }) => chain)).toEqual(['KUBE-POSTROUTING']);
  });

  it('takes one transaction a table from legacy, however much there is', async () => {
    const [legacy, nft] = [new ScriptedKernel('legacy'), new ScriptedKernel('nft')];
    for (const kernel of [legacy, nft]) await sync(input(1500), features, kernel, freshState);
    expect(legacy.sent[0]?.match(/^COMMIT/gm)).toHaveLength(3);
    expect(nft.sent[0]?.match(/^COMMIT/gm)?.length).toBeGreaterThan(4);
    expect(appliedFrom(nft.fake.ruleSet())).toEqual(appliedFrom(legacy.fake.ruleSet()));
  });
});

describe('comments of endpoints', () => {
  it('go above 1,000 endpoints, and come back only below 500', async () => {
    const kernel = new ScriptedKernel();
    let state = freshState;
    const commented: boolean[] = [];
    for (const count of [1000, 1001, 1000, 501, 500, 501]) {
      const { next, layout } = await sync(input(count), features, kernel, state);
      state = next;
      commented.push(layout.options.comments);
    }
    expect(commented).toEqual([true, false, false, false, true, true]);
  });
});

describe.each(['legacy', 'nft'] as const)('a chain of ours that somebody else leads to, %s', (variant) => {
  it('is emptied, and keeps no later sync from what it has to do', async () => {
    const kernel = new ScriptedKernel(variant);
    const { next } = await sync(input(2), features, kernel, freshState);
    const chain = [...kernel.fake.ruleSet().nat.keys()].find((name) => name.startsWith('KUBE-SVC-')) ?? '';
    const foreign = `*nat\n:OTHERS - [0:0]\n-A OTHERS -j ${chain}\nCOMMIT\n`;
    expect(kernel.fake.restore(foreign, { noflush: true }).exitCode).toBe(0);

    const gone = { ...input(0), snapshot: snapshotOf([]) };
    await expect(sync(gone, features, kernel, next)).rejects.toThrow();
    const { next: after } = await sync(gone, features, kernel, forgotten(next));
    expect(kernel.fake.ruleSet().nat.get(chain)?.rules).toEqual([]);
    expect(kernel.fake.save()).not.toContain('KUBE-SEP-');

    await sync(input(1), features, kernel, after);
    expect(kernel.fake.ruleSet().nat.get(chain)?.rules).not.toEqual([]);
  });
});
