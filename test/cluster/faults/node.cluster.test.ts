import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { startAgent } from '../agent.ts';
import { allNodes, type NodePlan } from '../nodes.ts';
import { until } from '../until.ts';
import { FaultBed } from './bed.ts';
import { healthyTally, tellRow } from './fault-table.ts';
import type { Tally } from './traffic.ts';

const possible = await canMakeWorlds();

if (possible.ok) describe('faults of nodes under traffic', faults);
else it('faults of nodes under traffic', (context) => context.skip(possible.reason));

function faults(): void {
  let bed: FaultBed;

  beforeAll(async () => {
    bed = await FaultBed.open();
  });
  afterAll(() => bed?.close());
  beforeEach(() => onTestFailed(() => console.error(bed.cluster.lastWords(15))));

  it.each(allNodes.slice(0, 2))('all rules of $name are flushed by hand', async ({ name, variant }) => {
    const others = bed.nodes.filter((node) => node !== name);
    const [own, elsewhere] = [await bed.traffic([name]), await bed.traffic(others)];
    await bed.cluster.network.flush(name);
    const flushed = performance.now();
    const converged = await bed.untilConverged(flushed, [name]);
    const after = await bed.traffic();
    await bed.changed();
    const [tally, untouched, later] = [await own.stop(), await elsewhere.stop(), await after.stop()];
    const count = (tallied: Tally) => `${tallied.failed.length} of ${tallied.answered.toLocaleString('en')}`;
    const notes = `failed elsewhere, by way of this node: ${count(untouched)}; once the rules were back: ${count(later)}`;
    tellRow({ fault: `all rules of a node flushed by hand, ${variant}`, tally, converged, notes });
    // When the last rule that looks at connections goes, the kernel translates none any more, and the node itself resets what comes for
    // its node port; packets for ClusterIPs get lost until the rules are back.
    expect(tally.broken.filter(({ words }) => !words.startsWith('client to '))).toEqual([]);
    expect(later).toMatchObject(healthyTally);
  });

  it('a node is drained, removed and added', async () => {
    const plan = allNodes.find(({ name }) => name === 'node-3');
    if (plan === undefined) throw new Error('no such node');
    const traffic = await bed.traffic(['node-1', 'node-2']);
    const evicted = await drain(plan);
    const removed = performance.now();
    await remove(plan);
    await bed.change();
    const without = await bed.untilConverged(removed);
    const added = performance.now();
    await add(plan);
    await bed.change();
    const converged = await bed.untilConverged(added);
    const tally = await traffic.stop();
    const healthy = { ...tally, broken: tally.broken.filter(({ server }) => !evicted.includes(server)) };
    tellRow({ fault: 'node drained and removed', tally: healthy, converged: without });
    tellRow({ fault: 'node added', tally: healthy, converged, notes: 'the same traffic' });
    expect(healthy).toMatchObject(healthyTally);
  });

  /** Its Pods leave in peace, but for those of DaemonSets. @returns their places. */
  async function drain({ name }: NodePlan): Promise<readonly string[]> {
    const { api } = bed.cluster;
    await api.patch({ kind: 'Node', name }, { spec: { unschedulable: true } });
    const leaving = bed.backends.filter(({ node }) => node === name).map(({ place }) => place);
    bed.leave(leaving);
    const names = leaving.map((place) => place.slice(place.indexOf('/') + 1));
    for (const pod of names) await api.remove({ kind: 'Pod', name: pod });
    await until(
      () => `${names.join()} ended`,
      30_000,
      async () => !(await api.list('Pod', 'default')).some(({ metadata }) => names.includes(metadata.name)),
    );
    return leaving;
  }

  /** From the API, then from the cloud's load balancers, then for good, rules and all. */
  async function remove({ name }: NodePlan): Promise<void> {
    const { kubelet, cloud, network, agents } = bed.cluster;
    await kubelet.removeNode(name);
    await until(
      () => `the cloud has left ${name}`,
      30_000,
      async () => !cloud.healthy('default', 'steady').includes(name),
    );
    const agent = bed.agent(name);
    await agent.process.stop('SIGTERM');
    await agent.close();
    agents.delete(name);
    await network.flush(name);
  }

  async function add(plan: NodePlan): Promise<void> {
    const { kubelet, network, plane, agents } = bed.cluster;
    await kubelet.addNode(plan);
    const flags = ['--iptables-variant', plan.variant];
    agents.set(plan.name, await startAgent(network, plane, plan.name, flags));
    await bed.findClients();
  }
}
