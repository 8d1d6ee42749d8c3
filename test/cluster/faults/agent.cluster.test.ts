import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { createRandom } from '../../api-server/cluster.ts';
import { sumOf } from '../../faults/agent.ts';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { startAgent } from '../agent.ts';
import { allNodes, type NodeName } from '../nodes.ts';
import { FaultBed } from './bed.ts';
import { Churn } from './churn.ts';
import { healthyTally, tellRow } from './fault-table.ts';
import { killAgain } from './kills.ts';
import { createMoving, pointAt } from './moving.ts';
import { buildPrevious, previousCommit, whyNoPrevious } from './previous-bundle.ts';

const possible = await canMakeWorlds();
const noPrevious = await whyNoPrevious();
const seed = Number(process.env['NODEPLANE_SEED'] ?? Date.now() % 1_000_000);
const kills = Number(process.env['NODEPLANE_KILLS'] ?? 50);
const cutMilliseconds = 60_000;

if (possible.ok) describe('faults of agents under traffic', faults);
else it('faults of agents under traffic', (context) => context.skip(possible.reason));

function faults(): void {
  let bed: FaultBed;

  beforeAll(async () => {
    bed = await FaultBed.open();
  });
  afterAll(() => bed?.close());
  beforeEach(() => onTestFailed(() => console.error(bed.cluster.lastWords(15))));

  it(`agents are killed ${kills} times in the middle of syncs, while another cannot reach the API server`, async () => {
    console.log(`seed ${seed}`);
    const churn = new Churn(bed.cluster.api, bed.backends, createRandom(seed));
    const done = await Promise.allSettled([killed('node-1'), killed('node-2'), cutOff('node-3')]);
    const changes = await churn.stop();
    console.log(`${changes} changes of Services and slices meanwhile`);
    for (const each of done) if (each.status === 'rejected') throw each.reason;
    await bed.changed();
  }, 300_000);

  async function killed(node: NodeName): Promise<void> {
    const traffic = await bed.traffic([node]);
    const began = performance.now();
    const { restoring, beforeFirstSync } = await killAgain(
      bed.agent(node).process,
      kills,
      createRandom(seed + node.length),
    );
    const last = performance.now();
    await bed.change();
    const packets = await bed.untilPackets([node], last);
    const tally = await traffic.stop();
    const variant = allNodes.find(({ name }) => name === node)?.variant ?? '';
    const notes = `${restoring} while it wrote rules, ${beforeFirstSync} before the first sync, within ${Math.round((last - began) / 1000)} s`;
    tellRow({
      fault: `agent killed (SIGKILL) ${kills} times, ${variant}`,
      tally,
      converged: { packets },
      notes,
    });
    expect(tally).toMatchObject(healthyTally);
  }

  async function cutOff(node: NodeName): Promise<void> {
    const traffic = await bed.traffic([node]);
    await bed.cluster.network.cutOff(node, true);
    await setTimeout(cutMilliseconds);
    await bed.change();
    const healed = performance.now();
    await bed.cluster.network.cutOff(node, false);
    const packets = await bed.untilPackets([node], healed);
    const tally = await traffic.stop();
    tellRow({ fault: 'API access of a node cut for a minute', tally, converged: { packets } });
    expect(tally).toMatchObject(healthyTally);
  }

  it('agents are started again after the cluster changed without them', async () => {
    const { api } = bed.cluster;
    // One goes on, else the cloud would have no healthy node.
    const nodes: readonly NodeName[] = ['node-1', 'node-2'];
    await createMoving(api, 'leaves');
    await pointAt(api, 'leaves', bed.backends);
    await bed.changed();
    const traffic = await bed.traffic();
    const agents = nodes.map((node) => bed.agent(node).process);
    await Promise.all(agents.map((agent) => agent.stop('SIGTERM')));
    await api.remove({ kind: 'Service', name: 'leaves' });
    await createMoving(api, 'comes');
    await pointAt(api, 'comes', bed.backends);
    await bed.change();
    await bed.untilPackets(['node-3'], 0);
    const since = performance.now();
    for (const agent of agents) agent.start();
    const converged = await bed.untilConverged(since, nodes);
    const tally = await traffic.stop();
    tellRow({ fault: 'two agents started after the cluster changed without them', tally, converged });
    expect(tally).toMatchObject(healthyTally);
  });

  it('the previous bundle is replaced by this one', async (context) => {
    if (noPrevious !== undefined) return context.skip(noPrevious);
    const directory = await mkdtemp(join(tmpdir(), 'nodeplane-previous-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const previous = await buildPrevious(directory);
    const traffic = await bed.traffic();
    await replaceAgents(previous);
    for (const node of bed.nodes)
      expect(await bed.agent(node).metrics()).toContain(`commit="${previousCommit}"`);
    await bed.change();
    await bed.untilPackets(bed.nodes, performance.now());
    const since = performance.now();
    await replaceAgents();
    for (const node of bed.nodes)
      expect(await bed.agent(node).metrics()).not.toContain(`commit="${previousCommit}"`);
    const steps = await Promise.all(
      bed.nodes.map(async (node) => sumOf(await bed.agent(node).metrics(), 'nodeplane_plan_steps_sum')),
    );
    const replaced = performance.now() - since;
    const converged = await bed.changed();
    const tally = await traffic.stop();
    const seconds = (replaced / 1000).toFixed(1);
    const notes = `from ${previousCommit}, node by node within ${seconds} s; steps to take over: ${steps.join(', ')}`;
    tellRow({ fault: 'upgrade from the previous bundle', tally, converged, notes });
    expect(tally).toMatchObject(healthyTally);
  });

  /** On all nodes, one after the other as a DaemonSet does it. @param program the bundle; ours when undefined. */
  async function replaceAgents(program?: string): Promise<void> {
    const { cluster } = bed;
    for (const { name, variant } of allNodes) {
      const before = bed.agent(name);
      await before.process.stop('SIGTERM');
      await before.close();
      const flags = ['--iptables-variant', variant];
      const agent = await startAgent(cluster.network, cluster.plane, name, flags, program);
      cluster.agents.set(name, agent);
      await bed.untilHealthy(name);
    }
  }
}
