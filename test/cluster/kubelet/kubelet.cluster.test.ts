import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { families } from '../../../src/model/address.ts';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { hostOf } from '../host.ts';
import { type ClusterNetwork, createClusterNetwork } from '../network/network.ts';
import { allNodes, nodeNames } from '../nodes.ts';
import { until } from '../until.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';
import { echoDeployment, echoService } from './objects.ts';

const possible = await canMakeWorlds();

if (possible.ok) describe('what stands in for kubelets', kubelets);
else it('what stands in for kubelets', (context) => context.skip(possible.reason));

interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean };
  readonly nodeName: string;
  readonly zone: string;
  readonly targetRef: { readonly name: string };
}

function kubelets(): void {
  let network: ClusterNetwork;
  let plane: ControlPlane;
  let kubelet: Kubelet;

  beforeAll(async () => {
    network = await createClusterNetwork(nodeNames);
    plane = await startControlPlane(hostOf(network, 'control-plane'), { controllers: true });
    kubelet = await startKubelet({ api: plane.api, network, nodes: allNodes });
  });
  afterAll(async () => {
    await kubelet?.close();
    await plane?.close();
    await network?.close();
  });
  beforeEach(() => onTestFailed(() => console.error(plane.lastWords(10))));

  /** What the controller has written of a Service, in one family. */
  async function endpointsOf(service: string, family = 'IPv4'): Promise<readonly Endpoint[]> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=${service}`;
    const { body } = await plane.api.request('GET', path);
    const { items }: { items: { addressType: string; endpoints?: Endpoint[] }[] } = JSON.parse(body);
    return items
      .filter(({ addressType }) => addressType === family)
      .flatMap(({ endpoints }) => endpoints ?? []);
  }

  /** Each endpoint in a word or two, sorted. */
  async function states(service: string): Promise<readonly string[]> {
    const words = ({ conditions: { ready, serving, terminating } }: Endpoint) =>
      [ready ? 'ready' : '', serving ? 'serving' : '', terminating ? 'terminating' : '']
        .filter(Boolean)
        .join(' ');
    return (await endpointsOf(service)).map(words).sort();
  }

  async function untilStates(
    service: string,
    expected: readonly string[],
    milliseconds = 20_000,
  ): Promise<void> {
    let last: readonly string[] = [];
    const what = () => `endpoints of ${service}: ${last.join()} instead of ${expected.join()}`;
    await until(what, milliseconds, async () => {
      last = await states(service);
      return last.join() === expected.join();
    });
  }

  const podNames = async (app: string): Promise<readonly string[]> =>
    (await plane.api.list('Pod', 'default'))
      .filter(({ metadata }) => metadata.labels?.['app'] === app)
      .map(({ metadata }) => metadata.name);

  const running = (count: number) => Array.from({ length: count }, () => 'ready serving');

  it('brings a Deployment up on all nodes, in both families', async () => {
    await plane.api.create(echoService('web'));
    await plane.api.create(echoDeployment({ name: 'web', replicas: 5, lingerSeconds: 2 }));
    await untilStates('web', running(5));
    const [endpoints, sixes] = [await endpointsOf('web'), await endpointsOf('web', 'IPv6')];
    expect(new Set(endpoints.map(({ nodeName }) => nodeName))).toEqual(new Set(nodeNames));
    expect(new Set(endpoints.map(({ zone }) => zone))).toEqual(new Set(['zone-a', 'zone-b']));
    expect(sixes).toHaveLength(5);
    for (const { addresses, targetRef } of [...endpoints, ...sixes]) {
      const [to = ''] = addresses;
      const [dialled] = await network.dial('client', { to, port: 8080 });
      expect(dialled).toMatchObject({ outcome: 'answered', server: `default/${targetRef.name}` });
    }
  });

  it('tells when a Pod is not ready, by its annotation or since its servers are gone', async () => {
    const [first = '', second = ''] = await podNames('web');
    const annotate = (ready: string | null) =>
      plane.api.patch({ kind: 'Pod', name: first }, { metadata: { annotations: { ready } } });
    await annotate('false');
    await untilStates('web', ['', ...running(4)]);
    const place = await kubelet.place('default', second);
    await kubelet.crash(place);
    await untilStates('web', ['', '', ...running(3)]);
    const [refused] = await network.dial('node-1', { to: network.address(place, 'IPv4'), port: 8080 });
    expect(refused).toMatchObject({ outcome: 'refused' });
    await annotate(null);
    await kubelet.restart(place);
    await untilStates('web', running(5));
  });

  it('lets a Pod serve while it terminates, and then ends it with its connections', async () => {
    const [name = ''] = await podNames('web');
    const place = await kubelet.place('default', name);
    const to = network.address(place, 'IPv4');
    const traffic = await network.startTraffic('client', { to, port: 8080, kept: 1, everyMilliseconds: 50 });
    await plane.api.remove({ kind: 'Pod', name });
    await untilStates('web', [...running(5), 'serving terminating']);
    const { failed } = await traffic.count();
    expect(failed).toEqual([]);
    await untilStates('web', running(5));
    await until(
      () => `no Pod ${name}`,
      10_000,
      async () => !(await podNames('web')).includes(name),
    );
    const { kept } = await traffic.stop();
    expect(kept).toMatchObject([{ broken: expect.stringMatching(/./) }]);
  });

  it('brings 30 Pods up at once, and down', async () => {
    const scale = (replicas: number) =>
      plane.api.patch({ kind: 'Deployment', name: 'web' }, { spec: { replicas } });
    const began = performance.now();
    await scale(30);
    await untilStates('web', running(30), 60_000);
    const up = performance.now();
    await scale(3);
    await untilStates('web', running(3), 60_000);
    console.log(`5 → 30 in ${Math.round(up - began)} ms, 30 → 3 in ${Math.round(performance.now() - up)} ms`);
  });

  it('keeps telling what is true after the API server was killed', async () => {
    await plane.apiServer.stop('SIGKILL');
    const [name = ''] = [...(await endpointsOf('web').catch(() => []))].map(
      ({ targetRef }) => targetRef.name,
    );
    expect(name).toBe('');
    plane.apiServer.start();
    await plane.ready();
    const [crashed = ''] = await podNames('web');
    await kubelet.crash(`default/${crashed}`);
    await untilStates('web', ['', ...running(2)], 40_000);
    await kubelet.restart(`default/${crashed}`);
    await untilStates('web', running(3));
  });

  it('runs DaemonSets with the addresses of nodes, and leaves cordoned and removed nodes alone', async () => {
    await plane.api.create({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'each', namespace: 'default' },
      spec: {
        selector: { matchLabels: { app: 'each' } },
        template: echoDaemon,
      },
    });
    await plane.api.create(echoService('each'));
    await untilStates('each', running(3));
    for (const family of families) {
      const addresses = (await endpointsOf('each', family)).flatMap((endpoint) => endpoint.addresses);
      expect(addresses.sort()).toEqual(nodeNames.map((node) => network.address(node, family)));
    }
    await kubelet.removeNode('node-3');
    await untilStates('each', running(2));
    await plane.api.patch({ kind: 'Node', name: 'node-2' }, { spec: { unschedulable: true } });
    await plane.api.create(echoDeployment({ name: 'one-node', replicas: 3 }));
    await plane.api.create(echoService('one-node'));
    await untilStates('one-node', running(3));
    const nodes = (await endpointsOf('one-node')).map(({ nodeName }) => nodeName);
    expect(nodes).toEqual(['node-1', 'node-1', 'node-1']);
    const [, , plan] = allNodes;
    if (plan !== undefined) await kubelet.addNode(plan);
    await untilStates('each', running(3));
  });
}

const echoDaemon = {
  metadata: { labels: { app: 'each' } },
  spec: {
    hostNetwork: true,
    containers: [
      {
        name: 'echo',
        image: 'registry.example/echo:1.0',
        ports: [
          { name: 'tcp', protocol: 'TCP', containerPort: 9000 },
          { name: 'udp', protocol: 'UDP', containerPort: 9000 },
        ],
      },
    ],
  },
};
