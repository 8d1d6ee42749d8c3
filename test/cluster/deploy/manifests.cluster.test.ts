import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chartValues } from '../../../scripts/kind/files.mts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { hostOf } from '../host.ts';
import { type ClusterNetwork, createClusterNetwork } from '../network/network.ts';
import { deployDirectory } from './alert-rules.ts';
import { monitoringDefinitions } from './monitoring-kinds.ts';
import { comparable, configOf, configText, parseManifests } from './rendered.ts';
import { makeTools, type Tools } from './tools.ts';

const chart = join(deployDirectory, 'charts/nodeplane');
const kustomizations = ['base', 'overlays/kubeadm', 'overlays/side-by-side'] as const;
const monitored = [
  'podMonitor.enabled=true',
  'prometheusRule.enabled=true',
  'prometheusRule.runbookBase=https://git.example.org/nodeplane/blob/main/',
  'config.kubeProxy.metricsBindAddress=0.0.0.0:10249',
].join();

let network: ClusterNetwork;
let plane: ControlPlane;
let tools: Tools;

beforeAll(async () => {
  network = await createClusterNetwork([]);
  plane = await startControlPlane(hostOf(network, 'control-plane'));
  tools = await makeTools(network, plane);
  const definitions = (await monitoringDefinitions()).flatMap((file) => ['-f', file]);
  await tools.kubectl(['apply', '--server-side', ...definitions]);
  await tools.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...definitions]);
});

afterAll(async () => {
  await plane?.close();
  await network?.close();
});

/** Nothing is created; the API server says all that it would say. */
async function accept(args: readonly string[], stdin?: string): Promise<string> {
  const flags = [
    'apply',
    '--server-side',
    '--force-conflicts',
    '--dry-run=server',
    '--validate=strict',
    '--output=name',
  ];
  const { exitCode, stdout, stderr } = await tools.run('kubectl', [...flags, ...args], stdin);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

function template(...args: readonly string[]): Promise<string> {
  return tools.helm(['template', 'nodeplane', chart, '--namespace', 'kube-system', ...args]);
}

function sample(name: string): string {
  return join(chart, 'ci', `${name}-values.yaml`);
}

describe('kustomize', () => {
  it.each(kustomizations)('%s is accepted without a warning', async (name) => {
    const names = await accept(['-k', join(deployDirectory, 'kustomize', name)]);
    expect(names).toContain('daemonset.apps/nodeplane');
  });

  it('has all that lies there', () => {
    const overlays = readdirSync(join(deployDirectory, 'kustomize/overlays'));
    expect(['base', ...overlays.map((name) => `overlays/${name}`)].sort()).toEqual(
      [...kustomizations].sort(),
    );
  });

  it('base is what deploy/nodeplane.yaml has', async () => {
    const kustomized = await tools.kubectl(['kustomize', join(deployDirectory, 'kustomize/base')]);
    const text = readFileSync(join(deployDirectory, 'nodeplane.yaml'), 'utf8');
    expect(parseManifests(text)).toEqual(parseManifests(kustomized));
  });

  it('refuses what the API server does not know', async () => {
    const text = readFileSync(join(deployDirectory, 'kustomize/base/daemonset.yaml'), 'utf8');
    const { exitCode, stderr } = await tools.run(
      'kubectl',
      ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'],
      text.replace('minReadySeconds', 'minReadyseconds'),
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('minReadyseconds') });
  });
});

describe('the other manifests', () => {
  const files = readdirSync(deployDirectory).filter((file) => file.endsWith('.yaml'));

  it.each(files)('deploy/%s is accepted', async (file) => {
    expect(await accept(['-f', join(deployDirectory, file)])).not.toBe('');
  });

  it('monitoring is accepted', async () => {
    const names = await accept(['-k', join(deployDirectory, 'monitoring')]);
    expect(names.trim().split('\n').sort()).toEqual([
      'podmonitor.monitoring.coreos.com/nodeplane',
      'prometheusrule.monitoring.coreos.com/nodeplane',
    ]);
  });
});

describe('the chart', () => {
  it('has nothing that helm lint finds', async () => {
    expect(await tools.helm(['lint', '--strict', chart])).toContain('0 chart(s) failed');
  });

  it.each([
    ['its own values', []],
    ['an address', ['--set', 'apiServer.from=address,apiServer.host=10.0.0.1']],
    ['monitoring', ['--set', monitored]],
    [
      'limits',
      [
        '--set',
        'resources.limits.memory=1Gi,resources.limits.cpu=2,podLabels.team=net,podAnnotations.a\\.b/c=d',
      ],
    ],
    [
      'nothing served',
      ['--set', 'config.nodeplane.serving.healthz=false,config.nodeplane.serving.metrics=false'],
    ],
    ['an account', ['--set', 'serviceAccount.create=false,serviceAccount.name=default,rbac.create=false']],
    ['OnDelete', ['--set', 'updateStrategy.type=OnDelete,updateStrategy.rollingUpdate=null,affinity=null']],
    [
      'a digest',
      ['--set', `image.repository=r.example/n,image.digest=sha256:${'a'.repeat(64)},image.pullPolicy=Always`],
    ],
    ['another name', ['--set', 'fullnameOverride=proxy,imagePullSecrets[0].name=pull']],
    ['what scripts/kind.mts sets', ['--set-json', JSON.stringify(chartValues('0.1.0'))]],
    ['kubeadm', ['--values', sample('kubeadm')]],
    ['side by side', ['--values', sample('side-by-side')]],
  ])('with %s is accepted without a warning', async (_, args) => {
    expect(await accept(['-f', '-'], await template(...args))).toContain('daemonset.apps/');
  });

  it.each([
    ['base', []],
    ['overlays/kubeadm', ['--values', sample('kubeadm')]],
    ['overlays/side-by-side', ['--values', sample('side-by-side')]],
  ])('makes what kustomize/%s makes', async (name, args) => {
    const kustomized = parseManifests(
      await tools.kubectl(['kustomize', join(deployDirectory, 'kustomize', name)]),
    );
    const templated = parseManifests(await template(...args));
    expect(await comparable(templated)).toEqual(await comparable(kustomized));
  });

  it('writes a file that the loader takes, whatever is in it', async () => {
    const values = {
      clusterCIDR: '10.244.0.0/16,fd00:10:244::/56',
      nodePortAddresses: ['primary'],
      oomScoreAdj: 0,
    };
    const text = await template('--set-json', `config.kubeProxy=${JSON.stringify(values)}`);
    const config = await configOf(configText(parseManifests(text)));
    expect(config).toMatchObject({ oomScoreAdj: 0, routing: { nodePortAddresses: { kind: 'primary' } } });
    expect(config.routing.detectLocal).toMatchObject({
      mode: 'ClusterCIDR',
      cidrs: ['10.244.0.0/16', 'fd00:10:244::/56'],
    });
  });

  it('puts the runbooks where they are', async () => {
    const base = 'https://git.example.org/nodeplane/blob/main/';
    const rule = parseManifests(await template('--set', monitored)).find(
      ({ kind }) => kind === 'PrometheusRule',
    );
    expect(JSON.stringify(rule)).toContain(`"runbook_url":"${base}docs/runbooks/NodeplaneDown.md"`);
  });
});
