import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configOf } from './config.ts';
import { type Install, installs, kubeadmFiles } from './installs.ts';
import { type Container, configMapOf, podOf, read } from './manifests.ts';

const { version }: { version: string } = JSON.parse(read('package.json'));

/** A container with all that decides what it does. */
async function working({ objects }: Install, container: Container) {
  const { volumes } = podOf(objects());
  const directory = dirname(container.args.find((arg) => arg.startsWith('--config='))?.slice(9) ?? '');
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === directory);
  const name = volumes.find((volume) => volume.name === mount?.name)?.configMap?.name ?? '';
  const files = name === 'kube-proxy' ? kubeadmFiles : configMapOf(objects(), name);
  return { directory, config: await configOf(container.args, files ?? {}) };
}

function containersOf({ objects }: Install): readonly Container[] {
  const { initContainers, containers } = podOf(objects());
  return [...initContainers, ...containers];
}

function agentOf(install: Install): Container {
  const [agent, ...others] = podOf(install.objects()).containers;
  if (agent === undefined || others.length > 0) throw new Error('there is not exactly one agent');
  return agent;
}

for (const install of installs) {
  describe.skipIf(install.skipped)(`the DaemonSet of ${install.name}`, () => {
    it('runs the image of this version, on a root that it cannot write', () => {
      for (const { image, securityContext } of containersOf(install)) {
        expect(image).toBe(`nodeplane:${version}`);
        expect(securityContext['readOnlyRootFilesystem']).toBe(true);
      }
    });

    it('gives the agent netfilter and nothing else', () => {
      expect(agentOf(install).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      });
    });

    it('lives in the network of the node, before all others', () => {
      expect(podOf(install.objects())).toMatchObject({
        hostNetwork: true,
        dnsPolicy: 'Default',
        priorityClassName: 'system-node-critical',
        tolerations: [{ operator: 'Exists' }],
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      });
    });

    it('hands over arguments and files that the agent takes, none without effect', async () => {
      for (const container of containersOf(install)) {
        const { config } = await working(install, container);
        expect(config.withoutEffect).toEqual([]);
        // What kubelet gives: to go below takes a capability that the agent has not.
        expect(config.oomScoreAdj).toBe(-997);
      }
    });

    it('is asked where it answers', async () => {
      const agent = agentOf(install);
      const { healthz, metrics } = (await working(install, agent)).config.serving;
      const ports = Object.fromEntries(agent.ports.map((port) => [port.name, port.containerPort]));
      expect(ports).toEqual({ healthz: healthz?.port, metrics: metrics?.port });
      expect(healthz?.address).toBe('0.0.0.0');
      const asked = (probe: Container['livenessProbe']) => probe?.httpGet;
      expect([agent.startupProbe, agent.livenessProbe, agent.readinessProbe].map(asked)).toEqual([
        { path: '/livez', port: 'healthz' },
        { path: '/livez', port: 'healthz' },
        { path: '/healthz', port: 'healthz' },
      ]);
    });

    it('mounts what is there, and no more of the node than the lock', () => {
      const { volumes } = podOf(install.objects());
      const names = volumes.map(({ name }) => name);
      for (const { volumeMounts } of containersOf(install)) {
        expect(volumeMounts.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
      }
      const paths = volumes.flatMap(({ hostPath }) => hostPath ?? []);
      expect(paths).toEqual([{ path: '/run/xtables.lock', type: 'FileOrCreate' }]);
    });

    it('needs nothing besides but what docs/install.md makes', () => {
      const objects = install.objects();
      const named = JSON.stringify(podOf(objects)).match(/"(?:configMap|configMapKeyRef)":\{[^}]*\}/g) ?? [];
      const names = named.map((text) => /"name":"([^"]+)"/.exec(text)?.[1] ?? '');
      const there = (name: string): boolean => configMapOf(objects, name) !== undefined;
      expect([...new Set(names)].filter((name) => !there(name))).toEqual(install.needs);
      for (const name of install.needs) expect(read('docs/install.md')).toContain(name);
    });
  });
}

describe('how the API server is found before its ClusterIP answers', () => {
  const install = (name: string): Install => {
    const found = installs.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  const variables = (name: string) => agentOf(install(name)).env.map((variable) => variable.name);
  const address = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'];

  it('nodeplane.yaml: by the ConfigMap that the administrator makes', () => {
    expect(variables('nodeplane.yaml')).toEqual(['NODE_NAME', ...address]);
  });

  it.skipIf(install('kubeadm').skipped)('kubeadm: by the kubeconfig that kube-proxy had', async () => {
    const { directory, config } = await working(install('kubeadm'), agentOf(install('kubeadm')));
    expect(config.client.kubeconfig).toBe(`${directory}/kubeconfig.conf`);
    expect(variables('kubeadm')).toEqual(['NODE_NAME']);
  });

  it.skipIf(install('side-by-side').skipped)('side-by-side: by its ClusterIP, which is kube-proxy’s', () => {
    expect(variables('side-by-side')).toEqual(['NODE_NAME']);
  });
});

describe('beside kube-proxy', () => {
  const choices: Readonly<Record<string, object>> = {
    'nodeplane.yaml': { kubeProxy: 'refuse', serviceProxyName: undefined },
    kubeadm: { kubeProxy: 'wait', serviceProxyName: undefined },
    'side-by-side': { kubeProxy: 'refuse', serviceProxyName: 'nodeplane' },
  };
  it.each(installs.filter((each) => !each.skipped))('$name: what each container does', async (install) => {
    for (const container of containersOf(install)) {
      expect((await working(install, container)).config).toMatchObject(choices[install.name] ?? {});
    }
  });
});
