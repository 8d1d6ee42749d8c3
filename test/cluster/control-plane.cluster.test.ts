import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { service } from '../conformance/objects.ts';
import { canMakeWorlds } from '../netns/can-make-worlds.ts';
import { createWorld, type World } from '../netns/world.ts';
import type { Api } from './api.ts';
import { binary } from './binaries.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { hostOf } from './host.ts';
import { administrator } from './users.ts';

const possible = await canMakeWorlds();

if (possible.ok) describe('the control plane', controlPlane);
else it('the control plane', (context) => context.skip(possible.reason));

function controlPlane(): void {
  let world: World;
  let plane: ControlPlane;
  let agent: Api;

  beforeAll(async () => {
    world = await createWorld({ localPods: [], remotePods: [] });
    plane = await startControlPlane(hostOf(world, 'node-b'));
    agent = await plane.apiAsAgent();
  });
  afterAll(async () => {
    agent?.close();
    await plane?.close();
    await world?.close();
  });
  beforeEach(() => onTestFailed(() => console.error(plane.lastWords())));

  it('is Kubernetes 1.36 with two families of Services', async () => {
    const { body } = await plane.api.request('GET', '/version');
    expect(JSON.parse(body)).toMatchObject({ major: '1', minor: '36' });
    const { spec } = await plane.api.get({ kind: 'ServiceCIDR', name: 'kubernetes' });
    expect(spec).toEqual({ cidrs: ['172.30.0.0/16', 'fd00:172:30::/112'] });
  });

  it.each([
    '/api/v1/services',
    '/apis/discovery.k8s.io/v1/endpointslices',
    '/apis/networking.k8s.io/v1/servicecidrs',
    '/api/v1/nodes',
  ])('lets an agent list %s', async (path) => {
    expect((await agent.request('GET', path)).status).toBe(200);
  });

  it.each([
    ['GET', '/api/v1/secrets'],
    ['GET', '/api/v1/pods'],
    ['GET', '/api/v1/events'],
    ['DELETE', '/api/v1/namespaces/default/services/kubernetes'],
    ['PATCH', '/api/v1/nodes/node-a'],
    ['POST', '/api/v1/namespaces/default/services'],
  ])('forbids an agent to %s %s', async (method, path) => {
    const body = method === 'GET' || method === 'DELETE' ? undefined : {};
    expect((await agent.request(method, path, body)).status).toBe(403);
  });

  it('lets an agent write events', async () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: 'default', name: 'try' },
      involvedObject: { kind: 'Service', namespace: 'default', name: 'kubernetes' },
    };
    expect((await agent.request('POST', '/api/v1/namespaces/default/events', event)).status).toBe(201);
  });

  it('streams the initial list to an agent, then each change', async () => {
    const stop = new AbortController();
    const list = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const events = agent.watch(`/api/v1/services?watch=true&${list}`, stop.signal);
    const types: string[] = [];
    for await (const { type, object } of events) {
      types.push(`${type} ${object.metadata.name ?? ''}`.trim());
      if (type === 'BOOKMARK')
        await plane.api.create(service({ name: 'watched', clusterIPs: [], ports: [{ port: 80 }] }));
      if (object.metadata.name === 'watched') break;
    }
    expect(types).toEqual(['ADDED kubernetes', 'BOOKMARK', 'ADDED watched']);
  });

  it('creates, changes and removes objects', async () => {
    const made = service({ name: 'web', clusterIPs: [], ports: [{ port: 80 }] });
    await plane.api.apply(made);
    await plane.api.apply({ ...made, spec: { ports: [{ port: 81 }] } });
    const web = { kind: 'Service', name: 'web' } as const;
    expect(await plane.api.get(web)).toMatchObject({ spec: { ports: [{ port: 81 }] } });
    const status = { status: { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } } };
    await plane.api.patch(web, { spec: { type: 'LoadBalancer' } });
    expect(await plane.api.patch(web, status, 'status')).toMatchObject(status);
    await plane.api.remove(web);
    await plane.api.remove(web);
    expect((await plane.api.list('Service')).map(({ metadata }) => metadata.name)).not.toContain('web');
  });

  it('obeys kubectl from a namespace of the world', async () => {
    const kubectl = await binary('kubectl');
    const argv = [
      kubectl,
      `--kubeconfig=${await plane.kubeconfig(administrator)}`,
      'get',
      'services',
      '-o',
      'name',
    ] as const;
    const got = await world.exec('client')({ argv: [...argv], timeoutMilliseconds: 30_000 });
    expect(got).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('service/kubernetes\n') });
  });

  it('has forgotten old versions after a compaction', async () => {
    const { metadata } = await plane.api.get({ kind: 'Service', name: 'kubernetes' });
    for (const port of [80, 81]) {
      const changing = service({ name: 'changing', clusterIPs: [], ports: [{ port }] });
      await plane.api.apply(changing);
    }
    await plane.storage.compact();
    await plane.restartApiServer();
    const old = `/api/v1/services?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const { value } = await agent.watch(old, AbortSignal.timeout(10_000)).next();
    expect(value).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'keeps its objects when the API server gets %s',
    async (signal) => {
      await plane.api.apply(service({ name: 'kept', clusterIPs: [], ports: [{ port: 80 }] }));
      const before = await plane.api.get({ kind: 'Service', name: 'kept' });
      await plane.restartApiServer(signal);
      expect(await plane.api.get({ kind: 'Service', name: 'kept' })).toEqual(before);
    },
  );

  it('stands still while its storage is paused', async () => {
    await plane.etcd.pause();
    const change = plane.api.apply(service({ name: 'late', clusterIPs: [], ports: [{ port: 80 }] }));
    const waited = await Promise.race([change, setTimeout(1000, 'nothing yet')]);
    await plane.etcd.resume();
    expect(waited).toBe('nothing yet');
    expect((await change).metadata.name).toBe('late');
  });
}
