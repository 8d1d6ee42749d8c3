import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../conformance/objects.ts';
import { Bed, tell, until } from './bed.ts';
import { at, dual } from './objects.ts';
import { SteadyTraffic } from './traffic.ts';

const patience = { timeout: 15_000, interval: 50 };

describe('the configuration file is followed', () => {
  let bed: Bed;
  let directory: string;
  let pid: number | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nodeplane-config-'));
    await write({});
    bed = await Bed.open({
      clusterCidr: false,
      flags: ['--config', file()],
      objects: dual({ name: 'web', vip: 1, pods: ['r1'] }),
    });
    await bed.start();
    await bed.untilServed(1, ['r1']);
    pid = await bed.agent.pid();
  });
  afterEach(async () => {
    expect(await bed.agent.pid()).toBe(pid);
    await bed.close();
    await rm(directory, { recursive: true });
  });

  const file = () => join(directory, 'config.yaml');
  const writeText = async (text: string) => {
    await writeFile(`${file()}.new`, text);
    await rename(`${file()}.new`, file());
  };
  const write = (fields: Json) =>
    writeText(
      JSON.stringify({
        apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
        kind: 'KubeProxyConfiguration',
        ...fields,
      }),
    );

  /** The source that the endpoint sees of a connection from a local pod. */
  async function source(): Promise<string> {
    const [dial] = await bed.world.dial('p1', { to: at.IPv4.vip(1), port: 80, timeoutMilliseconds: 2500 });
    return dial?.outcome === 'answered' ? dial.source : (dial?.outcome ?? '');
  }
  const asked = async (url: string): Promise<string> => {
    const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then((answer) => console.log(answer.status), () => console.log('none'))`;
    return (await bed.run(process.execPath, '-e', script, url)).stdout.trim();
  };

  it('what decides packets takes effect without a restart and without a failed connection', async () => {
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    const pod = at.IPv4.pod('p1');
    const networks = [at.IPv4.clusterNetwork, at.IPv6.clusterNetwork].join();
    expect(await source()).toBe(pod);
    const began = performance.now();
    await write({ iptables: { masqueradeAll: true } });
    await expect.poll(source, patience).toBe(at.IPv4.node);
    const followed = performance.now() - began;
    await write({ clusterCIDR: networks });
    await expect.poll(source, patience).toBe(pod);
    await write({ clusterCIDR: '10.99.0.0/16' });
    await expect.poll(source, patience).toBe(at.IPv4.node);
    const { failed, broken, answered } = await traffic.stop();
    tell('masqueradeAll written into the file', {
      followedMs: Math.round(followed),
      answered,
      failed: failed.length,
    });
    expect([failed, broken]).toEqual([[], []]);
    expect(bed.agent.entries('heard all objects').length).toBeLessThanOrEqual(4);
    await bed.untilConverged();
  });

  it('the health server moves to another address, and the rules stay meanwhile', async () => {
    const traffic = await SteadyTraffic.start(bed.world, [1]);
    expect(await asked('http://127.0.0.1:10256/livez')).toBe('200');
    await write({ healthzBindAddress: '127.0.0.1:10300' });
    await expect.poll(() => asked('http://127.0.0.1:10300/livez'), patience).toBe('200');
    expect(await asked('http://127.0.0.1:10256/livez')).toBe('none');
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['r1', 'p2'] }));
    await bed.untilServed(1, ['p2', 'r1']);
    const { failed, broken } = await traffic.stop();
    expect([failed, broken]).toEqual([[], []]);
  });

  it('a file that is not valid is told and counted, the running configuration stays, and a corrected one counts again', async () => {
    const texts = [
      'kind: [',
      '{"kind": "KubeProxyConfiguration", "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "clusterCIRD": "10.0.0.0/8"}',
    ];
    for (const [index, text] of texts.entries()) {
      await writeText(text);
      await until(
        () => `refused${bed.tail()}`,
        15_000,
        async () => (await bed.agent.metric('nodeplane_config_refusals_total')) === index + 1,
      );
    }
    expect(bed.agent.entries('NP-CONFIG-002').map(({ msg }) => msg)).toEqual(
      texts.map(() => 'the configuration file is not valid; what it said before holds on'),
    );
    expect(bed.agent.lines.join('\n')).toContain('clusterCIDR');
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['r2'] }));
    await bed.untilServed(1, ['r2']);
    await rm(file());
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['r3'] }));
    await bed.untilServed(1, ['r3']);
    await write({ iptables: { masqueradeAll: true } });
    await expect.poll(source, patience).toBe(at.IPv4.node);
    expect((await bed.agent.health('/livez')).status).toBe(200);
  });
});
