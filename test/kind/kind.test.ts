import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartValues, kindConfig, podNetworks, workload } from '../../scripts/kind/files.mts';
import { type Tool, tools, tryTools, whatIsMissing } from '../../scripts/kind/tools.mts';
import { callScript, complaintOf, readCalls, urlOf } from '../../scripts/kind/traffic.mts';
import { configOf } from '../deploy/config.ts';
import { read } from '../deploy/manifests.ts';

describe('the tools of a kind cluster', () => {
  const tool = (name: string, ...argv: readonly string[]): Tool => ({
    name,
    try: argv,
    remedy: `install ${name}`,
  });

  it('are tried, and what is missing is told at once', async () => {
    const wanted = [
      tool('node', '--version'),
      tool('nodeplane-no-such'),
      tool('node', '-e', 'throw "no daemon"'),
    ];
    const told = whatIsMissing(await tryTools(wanted));
    expect(told).toContain('nodeplane-no-such is not installed\n    install nodeplane-no-such');
    expect(told).toMatch(/node does not work: \S/);
    expect(told?.match(/install node\n/g)).toHaveLength(1);
  });

  it('are told to be there when they are', async () => {
    expect(whatIsMissing(await tryTools([tool('node', '--version')]))).toBeUndefined();
  });

  it('are those that the script runs', () => {
    const script = ['kind.mts', 'kind/scenarios.mts'].map((file) => read(`scripts/${file}`)).join('\n');
    const run = Array.from(script.matchAll(/`(docker|kind|kubectl|helm) /g), ([, name]) => name);
    expect(new Set(run)).toEqual(new Set(tools.map(({ name }) => name)));
  });
});

describe('what the cluster is given', () => {
  it('has no kube-proxy, and the networks that nodeplane is told of', () => {
    expect(kindConfig.networking).toEqual({
      kubeProxyMode: 'none',
      ipFamily: 'dual',
      podSubnet: podNetworks.join(','),
    });
    expect(chartValues('x').config.kubeProxy.clusterCIDR).toBe(kindConfig.networking.podSubnet);
  });

  it('sets values that the chart has, and a configuration that the agent takes', async () => {
    const { config, ...values } = chartValues('x');
    const defaults: unknown = parse(read('deploy/charts/nodeplane/values.yaml'));
    expect(unknownKeys(values, defaults)).toEqual([]);
    const kind = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' };
    const files = { 'config.yaml': JSON.stringify({ ...kind, ...config.kubeProxy }) };
    const { conntrack } = await configOf(['run', '--config=/config.yaml'], files);
    const { maxPerCore, tcpEstablishedTimeoutSeconds, tcpCloseWaitTimeoutSeconds } = conntrack;
    const set = [maxPerCore, tcpEstablishedTimeoutSeconds, tcpCloseWaitTimeoutSeconds].filter(Boolean);
    expect(set).toEqual([]);
  });

  it('selects the servers that it starts', () => {
    const [deployment, service] = workload;
    expect(deployment.spec.template.metadata.labels).toMatchObject(service.spec.selector);
    const [port] = service.spec.ports;
    expect(deployment.spec.template.spec.containers[0].args).toContain(`--http-port=${port.targetPort}`);
  });
});

function unknownKeys(value: unknown, known: unknown, path = ''): readonly string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    isObject(known) && key in known ? unknownKeys(inner, known[key], `${path}.${key}`) : [`${path}.${key}`],
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('calls', () => {
  it('go to addresses of both families', () => {
    expect(urlOf('10.96.0.7', 80)).toBe('http://10.96.0.7:80');
    expect(callScript(urlOf('fd00::7', 80), 3)).toContain(' http://[fd00::7]:80/hostname ');
  });

  it('that fail are told', () => {
    const calls = readCalls('web-1\nweb-2\nFAILED\nweb-1\n');
    expect(calls).toEqual({ made: 4, failed: 1, servers: ['web-1', 'web-2'] });
    expect(complaintOf(calls, 1)).toBe('1 of 4 calls failed');
    expect(complaintOf({ ...calls, failed: 0 }, 3)).toBe('2 servers answered, not 3');
    expect(complaintOf({ ...calls, failed: 0 }, 2)).toBeUndefined();
    expect(complaintOf(readCalls(''), 0)).toBe('no call was made');
  });
});
