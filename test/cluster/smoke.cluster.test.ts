import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { type Family, families } from '../../src/model/address.ts';
import { nodeplane } from '../cli/nodeplane.ts';
import { type Json, node, nodeOf, service, slice } from '../conformance/objects.ts';
import { type PodName, placesOf } from '../conformance/places.ts';
import type { TrafficProtocol } from '../netns/actor.ts';
import { canMakeWorlds } from '../netns/can-make-worlds.ts';
import { createWorld, type World } from '../netns/world.ts';
import { type Agent, agentFlags, startAgent } from './agent.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { hostOf } from './host.ts';
import { until } from './until.ts';

const possible = await canMakeWorlds();
const at = { IPv4: placesOf('IPv4'), IPv6: placesOf('IPv6') };
/** A refusal that arrives within connect() counts only when it comes again, a second later. */
const timeoutMilliseconds = 2500;
const followedMilliseconds = 10_000;
/** A watch that was cut off is retried after half a minute at most. */
const recoveredMilliseconds = 60_000;

if (possible.ok) describe('the bundled agent and a real API server', smoke);
else it('the bundled agent and a real API server', (context) => context.skip(possible.reason));

function smoke(): void {
  let world: World;
  let plane: ControlPlane;
  let agent: Agent;

  beforeAll(async () => {
    world = await createWorld();
    for (const pod of world.pods) await world.listen(pod, { ports: [8080] });
    plane = await startControlPlane(hostOf(world, 'node-b'));
    await plane.api.create(node({ name: 'node-a', addresses: families.map((family) => at[family].node) }));
    await writeService('web', 21, ['p1', 'r1']);
    agent = await startAgent(world, plane, 'node-a');
    await untilServedBy(21, ['p1', 'r1']).catch((error: unknown) => {
      tellLastWords();
      throw error;
    });
  });
  afterAll(async () => {
    await agent?.close();
    await plane?.close();
    await world?.close();
  });
  beforeEach(() => onTestFailed(tellLastWords));
  afterEach(async () => {
    expect(agent.process.running, 'the agent runs').toBe(true);
    // After a test that failed half-way, so that others can still tell something.
    await cutOff(world, false);
    if (plane.apiServer.running) return;
    plane.apiServer.start();
    await plane.ready();
  });

  function tellLastWords(): void {
    console.error(plane.lastWords(10));
    console.error(agent.process.lines.slice(-40).join('\n'));
  }

  /** A Service of both families with TCP and UDP at port 80, and its slices. */
  async function writeService(
    name: string,
    vip: number,
    pods: readonly PodName[],
    spec: Json = {},
  ): Promise<void> {
    const ports = protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 80 }));
    const clusterIPs = families.map((family) => at[family].vip(vip));
    const dual = { ipFamilyPolicy: 'RequireDualStack', ...spec };
    await plane.api.apply(service({ name, clusterIPs, ports, spec: dual }));
    for (const family of families) await writeSlice(name, family, pods);
  }

  async function writeSlice(of: string, family: Family, pods: readonly PodName[]): Promise<void> {
    const ports = protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 8080 }));
    const endpoints = pods.map((pod) => ({ address: at[family].pod(pod), node: nodeOf(pod) }));
    await plane.api.apply(slice({ of, family, suffix: family.toLowerCase(), ports, endpoints }));
  }

  /** What becomes of 24 connections from a pod: names of servers, or outcomes, each once. */
  async function outcomes(vip: number, family: Family, protocol: TrafficProtocol): Promise<string> {
    const to = at[family].vip(vip);
    const dials = await world.dial('p3', {
      protocol,
      to,
      port: 80,
      count: 24,
      concurrency: 24,
      timeoutMilliseconds,
    });
    const seen = new Set(dials.map((dial) => (dial.outcome === 'answered' ? dial.server : dial.outcome)));
    return [...seen].sort().join();
  }

  async function untilServedBy(
    vip: number,
    expected: readonly string[],
    milliseconds = followedMilliseconds,
  ) {
    const served = combinations.map(async ({ family, protocol }) => {
      let last = '';
      const what = () => `${family} ${protocol} of service ${vip}: ${last}, expected ${expected.join()}`;
      await until(what, milliseconds, async () => {
        last = await outcomes(vip, family, protocol);
        return last === expected.join();
      });
    });
    await Promise.all(served);
  }

  async function writeUntilServed(pods: readonly PodName[], milliseconds = followedMilliseconds) {
    for (const family of families) await writeSlice('web', family, pods);
    await untilServedBy(21, pods, milliseconds);
  }

  it('follows changes of endpoints', async () => {
    await writeUntilServed(['p2']);
    await writeUntilServed(['p1', 'r2']);
  });

  it('lets the client in through a node port', async () => {
    await writeService('entrance', 22, ['p1', 'r1'], { type: 'NodePort' });
    const { spec } = await plane.api.get({ kind: 'Service', name: 'entrance' });
    const nodePort = nodePortOf(spec);
    for (const family of families) {
      const to = at[family].node;
      await until(
        () => `${family} node port`,
        followedMilliseconds,
        async () => {
          const [dial] = await world.dial('client', { to, port: nodePort, timeoutMilliseconds });
          return dial?.outcome === 'answered';
        },
      );
    }
  });

  it('refuses for a Service without endpoints, and knows nothing of a removed one', async () => {
    await writeService('going', 23, ['p2']);
    await untilServedBy(23, ['p2']);
    for (const family of families) await writeSlice('going', family, []);
    await untilServedBy(23, ['refused']);
    await plane.api.remove({ kind: 'Service', name: 'going' });
    await untilServedBy(23, ['timeout']);
  });

  it('serves the Service that leads to the API server itself', async () => {
    const to = at.IPv4.vip(1);
    const script = `require('node:net').connect(443, '${to}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`;
    await until(
      () => 'the Service kubernetes',
      followedMilliseconds,
      async () => {
        const argv = [process.execPath, '-e', script] as const;
        const { exitCode } = await world.exec('p1')({ argv: [...argv], timeoutMilliseconds: 5000 });
        return exitCode === 0;
      },
    );
  });

  it('keeps traffic going while the API server is killed, and follows again when it is back', async () => {
    await writeUntilServed(['p1', 'p2']);
    const traffic = await Promise.all(
      families.map((family) => world.startTraffic('client', { to: at[family].vip(21), port: 80, kept: 1 })),
    );
    await plane.apiServer.stop('SIGKILL');
    for (let times = 0; times < 3; times++) {
      expect((await agent.health('/livez')).status).toBe(200);
      await untilServedBy(21, ['p1', 'p2']);
    }
    plane.apiServer.start();
    await plane.ready();
    await writeUntilServed(['p1', 'p2', 'r1'], recoveredMilliseconds);
    expect((await agent.health('/livez')).status).toBe(200);
    for (const each of traffic) {
      const { failed, kept } = await each.stop();
      expect(failed).toEqual([]);
      expect(kept.map(({ broken }) => broken)).toEqual(['']);
    }
  });

  it('hears everything anew when what it missed has been compacted away', async () => {
    await writeUntilServed(['p1', 'p2', 'r1']);
    const lists = 'nodeplane_source_lists_total';
    const before = await sumOf(agent, lists);
    await plane.apiServer.stop('SIGKILL');
    await cutOff(world, true);
    plane.apiServer.start();
    await plane.ready();
    for (const family of families) await writeSlice('web', family, ['p3']);
    await plane.storage.compact();
    // The next one knows no version from before its own start, and the storage has none either.
    await plane.restartApiServer('SIGKILL');
    await untilServedBy(21, ['p1', 'p2', 'r1']);
    await cutOff(world, false);
    await untilServedBy(21, ['p3'], recoveredMilliseconds);
    expect(await sumOf(agent, lists)).toBeGreaterThan(before);
  });

  it('answers about its health and counts what it does', async () => {
    const healthz = await agent.health('/healthz');
    expect(healthz.status).toBe(200);
    expect(JSON.parse(healthz.body)).toMatchObject({ lastUpdated: expect.any(String) });
    expect(await sumOf(agent, 'kubeproxy_sync_proxy_rules_duration_seconds_count')).toBeGreaterThan(0);
  });

  it('writes an Event about a Service that another one leaves no room for', async () => {
    for (const name of ['claims-it', 'wants-it-too']) {
      const spec = { externalIPs: [at.IPv4.external(7)] };
      await plane.api.create(service({ name, clusterIPs: [], ports: [{ port: 80 }], spec }));
    }
    await expect
      .poll(() => plane.api.list('Event', 'default'), { timeout: followedMilliseconds })
      .toContainEqual(
        expect.objectContaining({
          type: 'Warning',
          regarding: expect.objectContaining({ kind: 'Service', name: 'wants-it-too' }),
          reportingController: 'nodeplane',
          note: expect.stringContaining('claims-it'),
        }),
      );
  });

  it('has programmed all that the API server holds, as diff finds', async () => {
    const kubeconfig = await plane.agentKubeconfig('node-a');
    const flags = ['--kubeconfig', kubeconfig, ...agentFlags('node-a')];
    const { exitCode, stdout, stderr } = await nodeplane(world.exec('node-a'), 'diff', ...flags);
    expect({ exitCode, stdout }, stderr).toMatchObject({ exitCode: 0 });
  });

  it('names the permission that is missing', async () => {
    const kubeconfig = await plane.kubeconfig({ name: 'nobody', groups: [] });
    const flags = ['--kubeconfig', kubeconfig, ...agentFlags('node-a')];
    const { exitCode, stderr } = await nodeplane(world.exec('node-a'), 'diff', ...flags);
    expect(exitCode).toBeGreaterThanOrEqual(2);
    expect(stderr).toMatch(/NP-CHECK-004.*list and watch\s+services/s);
  });

  it('leaves the rules when it ends, and finds them when it starts', async () => {
    await writeUntilServed(['p1', 'p3']);
    expect(await agent.process.stop('SIGTERM')).toMatchObject({ exitCode: 0 });
    await untilServedBy(21, ['p1', 'p3']);
    agent.process.start();
    await writeUntilServed(['r2'], recoveredMilliseconds);
  });
}

const protocols: readonly TrafficProtocol[] = ['TCP', 'UDP'];
const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));

/** Whether node-a's packets to the API server are dropped. */
async function cutOff(world: World, cut: boolean): Promise<void> {
  const script = [
    // Added first, so that there is one to delete.
    'add table inet cut; delete table inet cut',
    ...(cut
      ? [
          'table inet cut { chain in { type filter hook input priority 0; iifname eth0 tcp dport 6443 drop; }; }',
        ]
      : []),
  ];
  const stdin = [script.join('\n')];
  const nft = await world.exec('node-b')({ argv: ['nft', '-f', '-'], stdin, timeoutMilliseconds: 10_000 });
  expect(nft).toMatchObject({ exitCode: 0, stderr: '' });
}

/** Of all samples of a metric. */
async function sumOf(agent: Agent, metric: string): Promise<number> {
  const samples = (await agent.metrics()).matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\S+)$`, 'gm'));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

function nodePortOf(spec: unknown): number {
  const text = JSON.stringify(spec);
  return Number(text.match(/"nodePort":(\d+)/)?.[1]);
}
