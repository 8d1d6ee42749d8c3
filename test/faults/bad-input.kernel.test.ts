import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundle } from '../cli/nodeplane.ts';
import type { Json } from '../conformance/objects.ts';
import { Bed, nodeA, tell, until } from './bed.ts';
import { dual, slices } from './objects.ts';
import { rulesOf } from './rules.ts';

describe('bad input: a coded message, another try where time can heal, and the rules stay', () => {
  let bed: Bed;
  let wanted: string;

  beforeAll(async () => {
    bed = await Bed.open({ objects: dual({ name: 'web', vip: 1, pods: ['p1'] }) });
    await bed.start();
    await bed.untilServed(1, ['p1']);
    await bed.untilConverged();
    wanted = await rulesOf(bed);
    await bed.agent.stop();
  });
  beforeEach(async () => {
    await bed.agent.stop();
    await bed.api.tell({ do: 'clear-faults' });
    await bed.api.tell({ do: 'set', settings: { forbidden: [] } });
  });
  afterAll(async () => bed.close());

  /** The log names it, the rules are as before, and when it is healed the agent follows. */
  async function toldAndHealed(
    words: RegExp,
    heal: () => Promise<unknown>,
    pod: 'p1' | 'p2' | 'p3',
  ): Promise<void> {
    await until(
      () => `a message like ${words}${bed.tail()}`,
      20_000,
      async () => words.test(bed.agent.freshLines.join('\n')),
    );
    expect(await rulesOf(bed)).toBe(wanted);
    expect((await bed.agent.health('/livez')).status).toBe(200);
    const began = performance.now();
    await heal();
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: [pod] }));
    await bed.untilServed(1, [pod], 45_000);
    tell(`healed after ${words.source}`, { followedMs: Math.round(performance.now() - began) });
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p1'] }));
    // Each family syncs by itself, and the next test compares both.
    await until(
      () => `the rules of before${bed.tail()}`,
      20_000,
      async () => (await rulesOf(bed)) === wanted,
    );
  }

  it('a server certificate of an authority that the kubeconfig does not know', async () => {
    await bed.api.tell({ do: 'present', certificate: { authority: 'other' } });
    bed.agent.start();
    await toldAndHealed(
      /certificate.*NP-API-003/,
      () => bed.api.tell({ do: 'present', certificate: {} }),
      'p2',
    );
  });

  it('401', async () => {
    await bed.api.tell({ do: 'fail', fault: { kind: 'status', status: 401, reason: 'Unauthorized' } });
    bed.agent.start();
    await toldAndHealed(/NP-API-004/, () => bed.api.tell({ do: 'clear-faults' }), 'p2');
  });

  it('403, which names verb and resource', async () => {
    const forbidden = ['list endpointslices', 'watch endpointslices'];
    await bed.api.tell({ do: 'set', settings: { forbidden } });
    bed.agent.start();
    await toldAndHealed(
      /(?:list|watch) endpointslices.*NP-API-005/,
      () => bed.api.tell({ do: 'set', settings: { forbidden: [] } }),
      'p3',
    );
  });

  it('HTML in place of the API', async () => {
    await bed.api.tell({ do: 'fail', fault: { kind: 'html' } });
    bed.agent.start();
    await toldAndHealed(/NP-API-007/, () => bed.api.tell({ do: 'clear-faults' }), 'p2');
  });

  it('a Node object that never appears: what needs none is programmed, and it is told', async () => {
    await bed.api.remove(nodeA());
    bed.agent.start();
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p2'] }));
    await bed.untilServed(1, ['p2']);
    await bed.untilLogged('NP-OBJECT-005');
    expect((await bed.agent.health('/livez')).status).toBe(200);
    expect((await bed.agent.health('/healthz')).status).toBe(503);
    await bed.api.put(nodeA(), ...dual({ name: 'web', vip: 1, pods: ['p1'] }));
    await until(
      () => `/healthz 200${bed.tail()}`,
      10_000,
      async () => (await bed.agent.health('/healthz')).status === 200,
    );
    await bed.untilServed(1, ['p1']);
  });

  it('annotations of 200 kB, in the list and in the watch: memory does not keep them', async () => {
    const giant = (name: string, vip: number): readonly Json[] =>
      dual({ name, vip, pods: ['p1'] }).map((object) => withAnnotation(object, 'x'.repeat(200_000)));
    const many = Array.from({ length: 20 }, (_, index) => giant(`giant-${index}`, 100 + index)).flat();
    await bed.api.put(...many);
    bed.agent.start();
    await bed.untilServed(119, ['p1']);
    for (let turn = 0; turn < 3; turn++) await bed.api.put(...many);
    await bed.api.put(...giant('giant-20', 120));
    await bed.untilServed(120, ['p1']);
    const page = await bed.agent.page('/debug/snapshot');
    expect(page.includes('xxxxxxxx')).toBe(false);
    const memory = Math.round((await bed.agent.metric('process_resident_memory_bytes')) / 1e6);
    tell('63 objects with annotations of 200 kB, four times', { memory });
    expect(memory).toBeLessThan(200);
    await bed.api.remove(...many, ...giant('giant-20', 120));
    await until(
      () => `as before${bed.tail()}`,
      15_000,
      async () => (await rulesOf(bed)) === wanted,
    );
  });

  it('objects that are none among others: they are told, and the others are programmed', async () => {
    bed.agent.start();
    const nonsense: readonly Json[] = [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace: 'default', name: 'odd' },
        spec: { clusterIPs: 'none of these', ports: 7 },
      },
      { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'default', name: 'empty' } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { namespace: 'default', name: 'odd-1', labels: { 'kubernetes.io/service-name': 'odd' } },
        addressType: 'IPv9',
        endpoints: 'x',
      },
    ];
    await bed.api.put(...nonsense, ...dual({ name: 'web', vip: 1, pods: ['p2'] }));
    await bed.untilServed(1, ['p2']);
    await until(
      () => `findings${bed.tail()}`,
      10_000,
      async () => (await bed.agent.metric('nodeplane_findings')) > 0,
    );
    await bed.untilLogged('default/odd');
    await bed.api.remove(...nonsense);
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p1'] }));
    await bed.untilServed(1, ['p1']);
    await until(
      () => `no finding${bed.tail()}`,
      10_000,
      async () => (await bed.agent.metric('nodeplane_findings')) === 0,
    );
  });

  it('an object of a version that we do not know, in a list: it is told, and the others are programmed', async () => {
    const [web] = dual({ name: 'web', vip: 1, pods: ['p1'] });
    const [strange] = dual({ name: 'strange', vip: 9, pods: ['p1'] });
    const { version } = await bed.api.tell({ do: 'count' });
    const list = { kind: 'ServiceList', apiVersion: 'v1', metadata: { resourceVersion: String(version) } };
    const body = JSON.stringify({ ...list, items: [{ ...strange, apiVersion: 'v9' }, web] });
    const headers = { 'content-type': 'application/json' };
    const when = { path: '/api/v1/services', watch: false };
    await bed.api.tell({ do: 'fail', fault: { kind: 'answer', status: 200, headers, body }, when });
    await bed.api.tell({ do: 'set', settings: { watchList: 'refused' } });
    bed.agent.start();
    await bed.untilLogged('NP-OBJECT-004');
    expect(bed.agent.entries('NP-OBJECT-004')[0]).toMatchObject({ object: 'Service (v9)' });
    await bed.api.put(...slices({ name: 'web', vip: 1, pods: ['p2'] }));
    await bed.untilServed(1, ['p2']);
    await bed.api.put(...slices({ name: 'web', vip: 1, pods: ['p1'] }));
    await bed.untilServed(1, ['p1']);
    await bed.api.tell({ do: 'set', settings: { watchList: 'served' } });
  });

  it('a kubeconfig that does not parse: the process ends with its name, and the rules stay', async () => {
    const file = join(bed.world.path('/run'), 'kubeconfig');
    await writeFile(file, 'clusters: [');
    const end = await bed.run(
      process.execPath,
      bundle,
      'run',
      '--kubeconfig',
      '/run/kubeconfig',
      '--node',
      'node-a',
    );
    expect(end.exitCode).toBeGreaterThan(0);
    expect(end.stderr).toContain('NP-API-001');
    expect(end.stderr).toContain('/run/kubeconfig');
    expect(await rulesOf(bed)).toBe(wanted);
  });
});

function withAnnotation(object: Json, text: string): Json {
  const { metadata } = object;
  return { ...object, metadata: { ...Object(metadata), annotations: { giant: text } } };
}
