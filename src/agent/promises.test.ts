import { afterEach, describe, expect, it } from 'vitest';
import { FakeNode, type FakeNodeOptions } from '../../test/agent/fake-node.ts';
import { nodeA, pod, web, webs } from '../../test/agent/services.ts';
import type { Json } from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { appliedFrom } from '../rules/iptables/plan/read-applied.ts';
import { trace } from '../rules/iptables/trace/evaluate.ts';

const nodes: FakeNode[] = [];

function running(options?: FakeNodeOptions): FakeNode {
  const node = new FakeNode(options).start();
  nodes.push(node);
  return node;
}

afterEach(async () => {
  for (const node of nodes.splice(0)) {
    node.programs.release();
    await node.stop();
  }
});

const cluster = (...services: readonly (readonly Json[])[]): readonly Json[] => [nodeA, ...services.flat()];

/** Endpoints that a new connection to the Service may reach. */
function reached(node: FakeNode, number: number): readonly string[] {
  const { outcomes } = trace(
    node.programs.fakes.IPv4.ruleSet(),
    {
      source: '10.244.9.9',
      destination: `172.30.0.${number}`,
      destinationPort: 80,
      protocol: 'TCP',
      from: { kind: 'interface', name: 'eth0' },
    },
    { localAddresses: new Set(['127.0.0.1', '192.168.50.11']) },
  );
  return outcomes.map((outcome) => JSON.stringify(outcome)).sort();
}

describe('promise 1: no rule is written before everything has been heard completely', () => {
  it('nothing is written while the source has not told, and what was read ahead is too old then', async () => {
    const node = running();
    await node.pass(600_000);
    expect(node.programs.restores.IPv4).toEqual([]);
    expect(node.programs.saves.IPv4).toBe(1);
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    expect(node.programs.saves.IPv4).toBe(2);
    expect(node.programs.restores.IPv4).toHaveLength(1);
  });

  it('a missing Node object is no reason to wait', async () => {
    const node = running();
    node.source.tell(web(1));
    await node.synced(1);
    expect(node.rules()).toContain(`--to-destination ${pod(1)}:8080`);
  });
});

describe('promise 2: a sync is one transaction per table and family', () => {
  it.each(['legacy', 'nft'] as const)(
    '%s: one text, each table once, and nothing for what did not change',
    async (variant) => {
      const node = running({ variant });
      node.source.tell(cluster(...Array.from({ length: 60 }, (_, number) => web(number))));
      await node.synced(1);
      expect(tablesOf(node.programs.restores.IPv4)).toEqual([['mangle', 'filter', 'nat']]);
      node.source.tell(
        cluster(
          ...Array.from({ length: 60 }, (_, number) =>
            web(number, number === 7 ? { endpoints: [pod(500)] } : {}),
          ),
        ),
      );
      await node.pass(2000);
      await node.synced(2);
      expect(tablesOf(node.programs.restores.IPv4).at(-1)).toEqual(['nat']);
      expect(node.reports.at(-1)?.cost.steps).toBeLessThan(5);
    },
  );

  it('a text of which the kernel refuses a line changes nothing of its table', async () => {
    const node = running();
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    const before = reached(node, 1);
    node.programs.fault = (program) => (program === 'restore' ? 'locked' : undefined);
    node.source.tell(cluster(web(1, { endpoints: [pod(2)] })));
    await node.pass(30);
    await node.synced(2);
    expect(reached(node, 1)).toEqual(before);
  });
});

describe('promise 3: one sync at a time, rests between them, changes in between coalesce, failures are tried again', () => {
  it('10,000 changes in a burst are few syncs, and the last one counts', async () => {
    const node = running();
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    const states = Array.from({ length: 100 }, (_, at) =>
      snapshotOf(cluster(web(1, { endpoints: [pod(at)] }))),
    );
    for (let change = 0; change < 100; change++) for (const state of states) node.source.tellSnapshot(state);
    expect(node.happenings.filter(({ kind }) => kind === 'snapshot-heard')).toHaveLength(10_001);
    await node.pass(3000);
    expect(node.reports.length).toBeLessThan(5);
    expect(node.rules()).toContain(`--to-destination ${pod(99)}:8080`);
  });

  it('a snapshot that asks for no other rules writes nothing', async () => {
    const node = running();
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    node.source.tell([{ ...nodeA, metadata: { name: 'node-a', labels: { other: 'label' } } }, ...web(1)]);
    await node.pass(5000);
    expect(node.programs.restores.IPv4).toHaveLength(1);
  });

  it('the set rest lies between the end of one sync and the start of the next', async () => {
    const node = running({
      config: { sync: { minSyncPeriodMilliseconds: 5000, syncPeriodMilliseconds: 30_000 } },
    });
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    node.source.tell(cluster(web(1), web(2)));
    await node.pass(4999);
    expect(node.programs.restores.IPv4).toHaveLength(1);
    await node.pass(1);
    await node.synced(2);
    expect(node.programs.restores.IPv4).toHaveLength(2);
  });

  it('a failed sync is tried again after waits that grow, with nothing else asked of it', async () => {
    const node = running();
    node.programs.fault = (program) => (program === 'restore' ? 'locked' : undefined);
    const times: number[] = [];
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    for (let second = 0; second < 20; second++) {
      const before = node.reports.length;
      await node.pass(1000);
      if (node.reports.length > before) times.push(node.clock.now() / 1000);
    }
    expect(times).toEqual([1, 3, 7, 15]);
    expect(node.reports.every(({ error }) => error !== undefined)).toBe(true);
    node.programs.fault = () => undefined;
    await node.pass(20_000);
    expect(node.reports.at(-1)?.error).toBeUndefined();
    expect(node.rules()).toContain(pod(1));
  });
});

describe('promise 4: one bad Service never stops the others', () => {
  it.each(['legacy', 'nft'] as const)(
    '%s: what the kernel refuses is left out, named, and everything else is programmed',
    async (variant) => {
      const node = running({ variant });
      node.programs.refuses = (line) => line.includes(`${pod(3)}:8080`);
      node.source.tell(cluster(...Array.from({ length: 20 }, (_, number) => web(number))));
      await node.synced(1);
      expect(node.reports[0]).toMatchObject({
        error: undefined,
        quarantined: ['default/s3/tcp'],
        servicePorts: 19,
      });
      for (const number of [0, 2, 4, 19])
        expect(node.rules()).toContain(`--to-destination ${pod(number)}:8080`);
      expect(node.rules()).not.toContain('default/s3');
      expect(node.findings).toMatchObject([
        { code: 'NP-OBJECT-006', object: 'Service default/s3', field: 'spec.ports[0]' },
      ]);
    },
  );

  it.each(['legacy', 'nft'] as const)('%s: its last good state stays', async (variant) => {
    const node = running({ variant });
    node.programs.refuses = (line) => line.includes(`${pod(77)}:8080`);
    node.source.tell(cluster(web(3), web(4)));
    await node.synced(1);
    const before = reached(node, 3);
    node.source.tell(cluster(web(3, { endpoints: [pod(77)] }), web(4, { endpoints: [pod(5)] })));
    await node.pass(100);
    await node.synced(2);
    expect(reached(node, 3)).toEqual(before);
    expect(node.rules()).toContain(`--to-destination ${pod(5)}:8080`);
    expect(node.reports.at(-1)).toMatchObject({
      error: undefined,
      quarantined: ['default/s3/tcp'],
      servicePorts: 2,
    });
  });
});

describe('promise 5: the source may be silent for any time', () => {
  it('the rules stay, and nothing is written', async () => {
    const node = running();
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    const before = node.rules();
    await node.pass(24 * 3_600_000);
    expect(node.rules()).toBe(before);
    expect(node.programs.restores.IPv4).toHaveLength(1);
    // Once, at the start.
    expect(node.programs.saves.IPv4).toBe(1);
  });
});

describe('promise 6: traffic goes on through any end; the next start applies only the difference', () => {
  it('the rules stay when it ends, and a start over them writes what changed meanwhile', async () => {
    const first = running();
    first.source.tell(cluster(web(1), web(2)));
    await first.synced(1);
    await first.stop();
    const rules = first.rules();
    const second = running();
    second.programs.fakes.IPv4.restore(rules, { noflush: true });
    second.source.tell(cluster(web(1), web(2, { endpoints: [pod(9)] })));
    await second.synced(1);
    const [text = ''] = second.programs.restores.IPv4;
    expect(text).toContain(pod(9));
    expect(text).not.toContain('default/s1');
    expect(second.reports[0]).toMatchObject({ full: true, cost: { steps: 3 } });
  });

  it.each(['legacy', 'nft'] as const)(
    '%s: a restore that is killed after any transaction is made up for by the next start',
    async (variant) => {
      const first = running({ variant });
      first.source.tell(cluster(web(1)));
      await first.synced(1);
      first.programs.fault = (program) => (program === 'restore' ? 'killed' : undefined);
      first.source.tell(cluster(web(1, { endpoints: [] }), web(2)));
      await first.pass(30);
      await first.synced(2);
      const second = running({ variant });
      second.programs.fakes.IPv4.restore(first.rules(), { noflush: true });
      const fresh = running({ variant });
      for (const node of [second, fresh]) {
        node.source.tell(cluster(web(1, { endpoints: [] }), web(2)));
        await node.synced(1);
      }
      expect(chainsOf(second)).toEqual(chainsOf(fresh));
    },
  );
});

describe('promise 7: an edit of our rules by somebody else is reported and repaired', () => {
  it('a chain that was emptied, and a flush', async () => {
    const node = running();
    node.source.tell(cluster(web(1), web(2)));
    await node.synced(1);
    const before = chainsOf(node);
    for (const edit of ['*nat\n-F KUBE-SERVICES\nCOMMIT\n', '*filter\n-F KUBE-FORWARD\nCOMMIT\n']) {
      node.programs.fakes.IPv4.restore(edit, { noflush: true });
      const repaired = node.suspect('IPv4');
      await node.pass(2000);
      await repaired;
    }
    expect(chainsOf(node)).toEqual(before);
    const drift = node.happenings.filter(({ kind }) => kind === 'drift-found');
    expect(drift).toEqual([
      { kind: 'drift-found', family: 'IPv4', chains: ['nat KUBE-SERVICES'] },
      { kind: 'drift-found', family: 'IPv4', chains: ['filter KUBE-FORWARD'] },
    ]);
  });

  it('a suspicion that was wrong writes nothing, and what the cluster changed is no drift', async () => {
    const node = running();
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    const looked = node.suspect('IPv4');
    node.source.tell(cluster(web(1), web(2)));
    await node.pass(2000);
    await looked;
    expect(node.reports.at(-1)).toMatchObject({ full: true });
    expect(node.happenings.filter(({ kind }) => kind === 'drift-found')).toEqual([]);
  });
});

describe('promise 8: stale UDP entries go after the rules that replace them, never before', () => {
  it('the cleaner is told of a snapshot once its rules are in force, and not when they could not be', async () => {
    const node = running();
    node.source.tell(cluster(web(1)));
    await node.synced(1);
    node.programs.fault = (program) => (program === 'restore' ? 'timed-out' : undefined);
    node.source.tell(cluster(web(2)));
    await node.pass(100);
    await node.synced(2);
    expect(node.cleaned.map(({ restores }) => restores)).toEqual([1]);
    node.programs.fault = () => undefined;
    await node.pass(3000);
    expect(node.cleaned.at(-1)?.snapshot).toBe(node.reports.at(-1)?.snapshot);
    expect(node.cleaned).toHaveLength(2);
  });
});

describe('promise 9: memory is bounded by the size of the cluster, never by its churn', () => {
  it('after hundreds of changes it holds one plan, one timer and what the cluster is', async () => {
    const node = running();
    node.source.tell(cluster(...Array.from({ length: 50 }, (_, number) => web(number))));
    await node.synced(1);
    const timers = node.clock.waiting;
    for (let change = 0; change < 300; change++) {
      node.source.tell(cluster(web(change % 50), web(50 + (change % 70))));
      await node.pass(25);
    }
    await node.pass(2000);
    expect(node.clock.waiting).toBe(timers);
    const [state] = node.debug?.families() ?? [];
    expect(state?.routes?.routes.size).toBe(2);
    expect(state?.lastPlan?.steps.length).toBeLessThan(50);
  });

  it('of a large plan it keeps the names of its first thousand steps', async () => {
    const node = running();
    node.source.tell([nodeA, ...webs(900)]);
    await node.synced(1);
    const plan = node.debug?.families()[0]?.lastPlan;
    expect(plan?.cost.steps).toBeGreaterThan(1800);
    expect(plan?.steps).toHaveLength(1000);
    expect(plan?.steps.flatMap((step) => step.lines())).toEqual([]);
  });
});

function tablesOf(texts: readonly string[]): readonly (readonly string[])[] {
  return texts.map((text) => Array.from(text.matchAll(/^\*(\w+)/gm), ([, table = '']) => table));
}

/** What the kernel holds of ours, told apart by what it does. */
function chainsOf(node: FakeNode) {
  return appliedFrom(node.programs.fakes.IPv4.ruleSet());
}
