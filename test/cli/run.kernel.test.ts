import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Json, node, service, slice } from '../conformance/objects.ts';
import { placesOf } from '../conformance/places.ts';
import { podEndpoints } from '../conformance/scenario.ts';
import type { Program } from '../netns/program.ts';
import { createWorld, type World } from '../netns/world.ts';
import { bundle, createManifests, type Manifests } from './nodeplane.ts';

const at = placesOf('IPv4');
const deadlineMilliseconds = 15_000;

describe.each(['legacy', 'nft'] as const)('run with iptables-%s', (variant) => {
  let world: World;
  let manifests: Manifests;
  let agent: Program | undefined;

  beforeEach(async () => {
    [world, manifests] = await Promise.all([createWorld(), createManifests()]);
    for (const pod of ['p1', 'p2', 'p3', 'r1']) await world.listen(pod, { ports: [8080] });
    await manifests.write('web.json', web(['p1', 'p2']));
    agent = startAgent();
    await until(async () => (await answers()).size === 2);
  });
  afterEach(async () => {
    await agent?.stop('SIGKILL');
    await Promise.all([world.close(), manifests.remove()]);
  });

  function startAgent(): Program {
    const source = ['--manifests', manifests.directory, '--node', 'node-a'];
    const flags = [...source, '--cluster-cidr', '10.244.0.0/16', '--iptables-variant', variant];
    return world.start('node-a', [process.execPath, bundle, 'run', ...flags]);
  }
  const log = (): string => agent?.lines.join('\n') ?? '';

  /** Pods that answer, by 30 connections. */
  async function answers(): Promise<ReadonlySet<string>> {
    const dials = await world.dial('p3', { to: at.vip(1), port: 80, count: 30, timeoutMilliseconds: 2000 });
    return new Set(dials.map((dial) => (dial.outcome === 'answered' ? dial.server : dial.outcome)));
  }

  it('follows files that are written, replaced by rename and removed, while traffic runs without a failure', async () => {
    const traffic = await world.startTraffic('client', { to: at.vip(1), port: 80, kept: 2 });
    await manifests.write('web.json', web(['p1', 'p2', 'r1']));
    await until(async () => (await answers()).has('r1'));
    await writeFile(
      join(manifests.directory, '.next'),
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: web(['p1', 'r1']) }),
    );
    await rename(join(manifests.directory, '.next'), join(manifests.directory, 'web.json'));
    await until(async () => !(await answers()).has('p2'));
    const { failed, kept, answered } = await traffic.stop();
    expect(failed).toEqual([]);
    expect(kept.map(({ broken }) => broken)).toEqual(['', '']);
    expect(Object.keys(answered).length).toBeGreaterThan(0);
    await rm(join(manifests.directory, 'web.json'));
    await until(async () => [...(await answers())].every((answer) => answer === 'timeout'));
  });

  it('keeps the last good state of a broken file, and goes on when it is whole again', async () => {
    await manifests.writeText('web.json', '{"apiVersion": "v1", "kind": "List", "items": [');
    await until(async () => log().includes('NP-SOURCE-001'));
    expect(await answers()).toEqual(new Set(['p1', 'p2']));
    await manifests.write('web.json', web(['p3']));
    await until(async () => [...(await answers())].join() === 'p3');
  });

  it('ends on SIGTERM with 0 and leaves the rules; the next one finds nothing to do', async () => {
    const end = await agent?.stop('SIGTERM');
    expect(end?.exitCode, log()).toBe(0);
    expect(await answers()).toEqual(new Set(['p1', 'p2']));
    agent = startAgent();
    await until(async () => log().includes('chose the iptables variant'));
    await manifests.write('more.json', [
      service({ name: 'more', clusterIPs: [at.vip(2)], ports: [{ port: 80 }] }),
    ]);
    await until(async () => log().includes('"synced"'));
    const first = agent.lines.find((line) => line.includes('"synced"')) ?? '{}';
    const synced: { steps: number } = JSON.parse(first);
    expect(synced.steps).toBeLessThan(4);
  });

  it('goes on by itself after the kernel refused a sync, around a chain that somebody else holds on to', async () => {
    const exec = world.exec('node-a');
    const run = (...argv: [string, ...string[]]) => exec({ argv, timeoutMilliseconds: 10_000 });
    const { stdout } = await run(`iptables-${variant}-save`, '-t', 'nat');
    const chain = chainOf(stdout, '10.244.1.12:8080');
    await run(`iptables-${variant}`, '-t', 'nat', '-N', 'FOREIGN');
    await run(`iptables-${variant}`, '-t', 'nat', '-A', 'FOREIGN', '-j', chain);
    await manifests.write('web.json', web(['p1', 'r1']));
    await until(async () => log().includes('NP-KERNEL-004'));
    await until(async () => [...(await answers())].sort().join() === 'p1,r1');
    expect((await run(`iptables-${variant}`, '-t', 'nat', '-S', 'FOREIGN')).stdout).toContain(`-j ${chain}`);
  });

  it('session affinity ends after its timeout, and with its endpoint', async () => {
    const sticky = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 3 } },
    };
    await manifests.write('web.json', web(['p1', 'p2'], sticky));
    const dial = async () => {
      const [one] = await world.dial('client', { to: at.vip(1), port: 80, timeoutMilliseconds: 2000 });
      return one?.outcome === 'answered' ? one.server : (one?.outcome ?? 'nothing');
    };
    await until(async () => {
      const seen = new Set<string>();
      for (let count = 0; count < 20; count++) seen.add(await dial());
      return seen.size === 1;
    });
    const stuck = await dial();
    const other = stuck === 'p1' ? 'p2' : 'p1';
    // Each wait outlasts the timeout, so that every dial draws anew; in 20 draws the other one comes for sure enough.
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 3500));
      return (await dial()) === other;
    }, 80_000);
    await manifests.write('web.json', web([other === 'p1' ? 'p2' : 'p1'], sticky));
    await until(async () => (await dial()) === stuck);
  }, 120_000);
});

async function until(done: () => Promise<boolean>, milliseconds = deadlineMilliseconds): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function chainOf(save: string, destination: string): string {
  const line = save.split('\n').find((each) => each.includes(`--to-destination ${destination}`)) ?? '';
  return line.split(' ')[1] ?? '';
}

function web(pods: readonly ('p1' | 'p2' | 'p3' | 'r1')[], spec: Json = {}): readonly Json[] {
  return [
    node({ name: 'node-a', addresses: [at.node] }),
    service({ name: 'web', clusterIPs: [at.vip(1)], ports: [{ port: 80 }], spec }),
    slice({ of: 'web', family: 'IPv4', ports: [{ port: 8080 }], endpoints: podEndpoints(at, pods) }),
  ];
}
