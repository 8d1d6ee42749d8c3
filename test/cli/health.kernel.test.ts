import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Json, node, service, slice } from '../conformance/objects.ts';
import { type PodName, placesOf } from '../conformance/places.ts';
import type { Program } from '../netns/program.ts';
import { createWorld, type Place, type World } from '../netns/world.ts';
import { bundle, createManifests, type Manifests } from './nodeplane.ts';

const at = placesOf('IPv4');
const six = placesOf('IPv6');
const port = 32_100;
const patience = { timeout: 15_000, interval: 100 };

describe('the health of a node that runs nodeplane', () => {
  let world: World;
  let manifests: Manifests;
  let agent: Program | undefined;

  beforeEach(async () => {
    [world, manifests] = await Promise.all([createWorld(), createManifests()]);
    await manifests.write('node.json', [node({ name: 'node-a', addresses: [at.node, six.node] })]);
  });
  afterEach(async () => {
    await agent?.stop('SIGKILL');
    await Promise.all([world.close(), manifests.remove()]);
  });

  function start(): void {
    const flags = ['--manifests', manifests.directory, '--node', 'node-a', '--cluster-cidr', '10.244.0.0/16'];
    agent = world.start('node-a', [process.execPath, bundle, 'run', ...flags]);
  }

  /** The status and body of an answer; `none` when there is none. */
  async function ask(from: Place, url: string): Promise<string> {
    const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(3000) })
      .then(async (answer) => console.log(answer.status, await answer.text()), () => console.log('none'))`;
    const result = await world.exec(from)({
      argv: [process.execPath, '-e', script, url],
      timeoutMilliseconds: 10_000,
    });
    return result.stdout.trim();
  }
  const checks = (from: Place): Promise<readonly string[]> =>
    Promise.all(
      [`${at.node}:${port}`, `[${six.node}]:${port}`].map((to) => ask(from, `http://${to}/any/path`)),
    );
  const statuses = async (from: Place): Promise<readonly string[]> =>
    (await checks(from)).map((answer) => answer.split(' ')[0] ?? '');

  it('is told at 10256 in both families, and to balancers at the health-check node port of a single-stack Service', async () => {
    await manifests.write('web.json', web(['p1', 'p2', 'r1']));
    start();
    await expect.poll(() => statuses('node-b'), patience).toEqual(['200', '200']);
    for (const answer of await checks('client')) expect(answer).toContain('"localEndpoints": 2,');
    expect(await statuses('node-a')).toEqual(['200', '200']);
    for (const to of [at.node, `[${six.node}]`])
      expect(await ask('node-b', `http://${to}:10256/healthz`)).toMatch(
        /^200 \{"lastUpdated":.*"nodeEligible":true,"healthy":true,/,
      );

    await manifests.write('web.json', web(['r1']));
    await expect.poll(() => statuses('node-b'), patience).toEqual(['503', '503']);
    await manifests.write('web.json', []);
    await expect.poll(() => statuses('node-b'), patience).toEqual(['none', 'none']);
  });

  it('survives a health-check node port in use, and takes it when it is free', async () => {
    const script = `require('net').createServer().listen(${port}, '0.0.0.0')`;
    const holder = world.start('node-a', [process.execPath, '-e', script]);
    await manifests.write('web.json', web(['p1']));
    start();
    await expect.poll(() => statuses('node-b'), patience).toEqual(['none', '200']);
    expect(agent?.lines.filter((line) => line.includes('NP-SERVE-002'))).toHaveLength(1);
    await holder.stop('SIGKILL');
    await expect.poll(() => statuses('node-b'), patience).toEqual(['200', '200']);
  });
});

function web(pods: readonly PodName[]): readonly Json[] {
  const spec = { externalTrafficPolicy: 'Local', healthCheckNodePort: port };
  const endpoints = pods.map((pod) => ({
    address: at.pod(pod),
    node: pod.startsWith('p') ? 'node-a' : 'node-b',
  }));
  return [
    service({
      name: 'web',
      type: 'LoadBalancer',
      clusterIPs: [at.vip(1)],
      ports: [{ port: 80, nodePort: 30_080 }],
      spec,
    }),
    slice({ of: 'web', family: 'IPv4', ports: [{ port: 8080 }], endpoints }),
  ];
}
