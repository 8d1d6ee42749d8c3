import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodeplaneError } from '../../../src/errors.ts';
import { exec } from '../../../src/kernel/exec.ts';
import { binary } from '../binaries.ts';
import { deployDirectory } from './alert-rules.ts';
import { configSchema } from './config-schema.ts';
import { configOf, configText, parseManifests } from './rendered.ts';
import { valuesOf } from './schema-values.ts';

const chart = join(deployDirectory, 'charts/nodeplane');
const helm = await binary('helm');

/** What is set, the value that Helm names, and what it says of it. */
const refused: readonly (readonly [set: string, at: string, why: string])[] = [
  ['foo=bar', '', "additional properties 'foo' not allowed"],
  [
    'config.kubeProxy.iptable.masqueradeBit=1',
    '/config/kubeProxy',
    "additional properties 'iptable' not allowed",
  ],
  ['config.kubeProxy.mode=ipvs', '/config/kubeProxy/mode', "must be one of 'iptables'"],
  ['config.kubeProxy.mode=nftables', '/config/kubeProxy/mode', "must be one of 'iptables'"],
  ['config.kubeProxy.clusterCIDR=10.244.0.0', '/config/kubeProxy/clusterCIDR', 'does not match'],
  [
    'config.kubeProxy.clusterCIDR=10.0.0.0/8\\,10.1.0.0/16',
    '/config/kubeProxy/clusterCIDR',
    'does not match',
  ],
  ['config.kubeProxy.clusterCIDR=10.0.0.0/33', '/config/kubeProxy/clusterCIDR', 'does not match'],
  [
    'config.kubeProxy.healthzBindAddress=0.0.0.0:65536',
    '/config/kubeProxy/healthzBindAddress',
    'does not match',
  ],
  [
    'config.kubeProxy.metricsBindAddress=localhost:10249',
    '/config/kubeProxy/metricsBindAddress',
    'does not match',
  ],
  ['config.kubeProxy.oomScoreAdj=-1001', '/config/kubeProxy/oomScoreAdj', 'minimum'],
  ['config.kubeProxy.oomScoreAdj=low', '/config/kubeProxy/oomScoreAdj', 'got string'],
  ['config.kubeProxy.iptables.syncPeriod=30', '/config/kubeProxy/iptables/syncPeriod', 'got number'],
  ['config.kubeProxy.iptables.syncPeriod=-30s', '/config/kubeProxy/iptables/syncPeriod', 'does not match'],
  ['config.kubeProxy.iptables.masqueradeBit=32', '/config/kubeProxy/iptables/masqueradeBit', 'maximum'],
  ['config.kubeProxy.detectLocalMode=nodeCIDR', '/config/kubeProxy/detectLocalMode', 'must be one of'],
  ['config.kubeProxy.detectLocalMode=BridgeInterface', '/config/kubeProxy', "missing property 'detectLocal'"],
  ['config.kubeProxy.nodePortAddresses={all}', '/config/kubeProxy/nodePortAddresses', 'does not match'],
  ['config.kubeProxy.hostnameOverride=n1', '/config/kubeProxy', "additional properties 'hostnameOverride'"],
  ['config.kubeProxy.winkernel.enableDSR=true', '/config/kubeProxy', "additional properties 'winkernel'"],
  ['config.kubeProxy.featureGates.TopologyAwareHints=maybe', '/config/kubeProxy/featureGates', 'got string'],
  [
    'config.nodeplane.iptables.variant=nf_tables',
    '/config/nodeplane/iptables/variant',
    "must be one of 'auto', 'legacy', 'nft'",
  ],
  [
    'config.nodeplane.kubeProxy=kill',
    '/config/nodeplane/kubeProxy',
    "must be one of 'refuse', 'wait', 'ignore'",
  ],
  ['config.nodeplane.serviceProxyName=a b', '/config/nodeplane/serviceProxyName', 'does not match'],
  ['config.nodeplane.apiServer=https://10.0.0.1', '/config/nodeplane', "additional properties 'apiServer'"],
  ['apiServer.from=address', '/apiServer/host', 'minLength'],
  ['apiServer.host=10.0.0.1', '/apiServer/host', 'maxLength'],
  ['apiServer.from=clusterIP', '/config/nodeplane/serviceProxyName', 'minLength'],
  ['apiServer.port=0', '/apiServer/port', 'minimum'],
  [
    'kubeadm=true,config.nodeplane.serviceProxyName=x',
    '/config/nodeplane/serviceProxyName',
    'must be one of',
  ],
  ['podMonitor.enabled=true', '/config/kubeProxy/metricsBindAddress', "'not' failed"],
  [
    'podMonitor.enabled=true,config.kubeProxy.metricsBindAddress=0.0.0.0,config.nodeplane.serving.metrics=false',
    '/config/nodeplane/serving/metrics',
    "'not' failed",
  ],
  [
    'updateStrategy.rollingUpdate.maxSurge=1',
    '/updateStrategy/rollingUpdate',
    "additional properties 'maxSurge'",
  ],
  ['updateStrategy.type=OnDelete', '/updateStrategy/rollingUpdate', 'want null'],
  ['serviceAccount.create=false', '/serviceAccount/name', 'minLength'],
  ['image.digest=sha256:abc', '/image/digest', 'does not match'],
  ['image.repository=', '/image/repository', 'minLength'],
  ['resources.requests.memory=lots', '/resources/requests/memory', 'does not match'],
  ['resources.request.cpu=1', '/resources', "additional properties 'request'"],
  ['tolerations[0].operator=Exist', '/tolerations/0/operator', 'must be one of'],
  ['nodeSelector.a/b/c=x', '/nodeSelector', "additional properties 'a/b/c'"],
  ['podLabels.team=a b', '/podLabels/team', 'does not match'],
  ['podLabels.app\\.kubernetes\\.io/name=x', '/podLabels', "'not' failed"],
  ['prometheusRule.runbookBase=wiki', '/prometheusRule/runbookBase', 'does not match'],
  ['config=null', '', "missing property 'config'"],
  ['serviceAccount=null', '', "missing property 'serviceAccount'"],
];

/** Manifests made by helm, with the values as `--set` has them. */
async function template(namespace: string, set: string) {
  const argv = [helm, 'template', 'nodeplane', chart, '--namespace', namespace, '--set', set] as const;
  return exec({ argv, timeoutMilliseconds: 60_000 });
}

describe('kubelet asks for health', () => {
  it.each([
    ['0.0.0.0:10256', undefined],
    ['127.0.0.1:10256', '127.0.0.1'],
    ['[::1]:10256', '::1'],
    ['::1', '::1'],
    ['::', undefined],
  ])('where something listens: %s', async (address, host) => {
    const { stdout } = await template('kube-system', `config.kubeProxy.healthzBindAddress=${address}`);
    const daemonSet = parseManifests(stdout).find(({ kind }) => kind === 'DaemonSet');
    const probes = [...JSON.stringify(daemonSet).matchAll(/"httpGet":(\{[^}]*\})/g)].map(([, get = '']) =>
      JSON.parse(get),
    );
    expect(probes.map((get) => [get.path, get.port, get.host])).toEqual(
      ['/livez', '/livez', '/healthz'].map((path) => [path, 'healthz', host]),
    );
  });
});

it('kubeadm: true is refused where the ConfigMap of kubeadm is not', async () => {
  expect(await template('network', 'kubeadm=true')).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining('install with --namespace kube-system, not network'),
  });
  expect((await template('kube-system', 'kubeadm=true')).exitCode).toBe(0);
});

describe('helm refuses', () => {
  it.concurrent.each(refused)('%s', async (set, at, why) => {
    const argv = [helm, 'template', 'nodeplane', chart, '--set', set] as const;
    const { exitCode, stdout, stderr } = await exec({ argv, timeoutMilliseconds: 60_000 });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain("values don't meet the specifications of the schema");
    const told = stderr.split('\n').filter((line) => line.includes(`at '${at}`));
    expect(told.join('\n'), stderr).toContain(why);
  });
});

describe('helm takes', () => {
  it('whatever the schema lets pass, and writes a file that the loader takes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'np-helm-'));
    const config = fc.record({
      kubeProxy: valuesOf(configSchema('KubeProxyConfiguration')),
      nodeplane: valuesOf(configSchema('NodeplaneConfiguration')),
    });
    try {
      await fc.assert(
        fc.asyncProperty(config, async (values) => {
          const file = join(directory, 'values.json');
          await writeFile(file, JSON.stringify({ config: values }));
          const argv = [helm, 'template', 'nodeplane', chart, '--values', file] as const;
          const { stdout, stderr } = await exec({ argv, timeoutMilliseconds: 60_000 });
          expect(stderr).toBe('');
          expect(await faultsOf(configText(parseManifests(stdout)))).toEqual([]);
        }),
        { numRuns: 25 },
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

/** What the loader says against a file, but for the one thing that no schema can say. */
async function faultsOf(text: string): Promise<readonly string[]> {
  expect(text).not.toBe('');
  try {
    await configOf(text);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof NodeplaneError) || thrown.code !== 'NP-CONFIG-002') throw thrown;
    return thrown.message
      .split('\n')
      .slice(1)
      .filter((line) => !line.includes('is shorter than minSyncPeriod'));
  }
}
