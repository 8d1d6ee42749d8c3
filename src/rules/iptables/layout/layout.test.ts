import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clustersOf,
  momentOf,
  namesIn,
  objectsOf,
  plainSetting,
  type Setting,
  someSetting,
} from '../../../../test/conformance/arbitraries.ts';
import {
  type EndpointOptions,
  type Json,
  node,
  type ServiceOptions,
  service,
  slice,
} from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import type { RoutingSettings } from '../../../routing/settings.ts';
import { usualFeatures } from '../features.ts';
import { firewall, longestChainName } from '../names.ts';
import { nothingApplied } from '../plan/applied.ts';
import { planAll } from '../plan/delta.ts';
import { restoreLines } from '../plan/restore.ts';
import { wantedChains } from './layout.ts';

/** As in kube-proxy's own tests: pods in 10.0.0.0/8, counters of nfacct at hand, full randomness. */
const likeTheirs: Setting = {
  ...plainSetting,
  features: { ...usualFeatures, nfacct: true },
  settings: { ...plainSetting.settings, detectLocal: { mode: 'ClusterCIDR', cidrs: ['10.0.0.0/8'] } },
};

function linesOf(setting: Setting, objects: readonly Json[]): readonly string[] {
  const plan = finish(planAll(nothingApplied, momentOf(setting, objects).layout));
  return Array.from(restoreLines(plan.steps, 'one'), ({ text }) => text);
}

function settings(change: Partial<RoutingSettings>): Setting {
  return { ...plainSetting, settings: { ...plainSetting.settings, ...change } };
}

interface Example {
  readonly setting?: Setting;
  readonly objects: readonly Json[];
}

/** A Service of one TCP port and its endpoints. */
function one(options: Partial<ServiceOptions>, ...endpoints: readonly EndpointOptions[]): readonly Json[] {
  const { name = 'web', ports = [{ name: 'http', port: 80 }] } = options;
  const vip = options.clusterIPs ?? ['172.30.0.41'];
  return [
    service({ name, clusterIPs: vip, ports, ...options }),
    slice({ of: name, ports: ports.map((port) => ({ ...port, port: 8080 })), endpoints }),
  ];
}

const here = { address: '10.244.1.5', node: 'node-a' };
const there = { address: '10.244.2.6', node: 'node-b' };
const nodePort = [{ name: 'http', port: 80, nodePort: 30080 }];
const balanced = { type: 'LoadBalancer', ports: nodePort, ingress: [{ ip: '198.51.100.4' }] } as const;
const manyServices = [...Array(20).keys()].flatMap((number) =>
  one({ name: `s${number}`, clusterIPs: [`172.30.${number % 3}.${number}`] }, there),
);
const manyEndpoints = [...Array(20).keys()].map((number) => ({ address: `10.244.2.${number + 1}` }));

const examples: Readonly<Record<string, Example>> = {
  'empty-cluster': { objects: [] },
  'cluster-ip': { objects: one({}, here, there, { address: '10.244.2.10' }) },
  'node-port': { objects: one({ type: 'NodePort', ports: nodePort }, here) },
  'node-port-nfacct': { setting: likeTheirs, objects: one({ type: 'NodePort', ports: nodePort }, here) },
  'external-local-with-local-endpoint': {
    objects: one(
      { ...balanced, spec: { externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 } },
      here,
      there,
    ),
  },
  'external-local-without-local-endpoint': {
    objects: one(
      { ...balanced, spec: { externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 } },
      there,
    ),
  },
  'internal-local': { objects: one({ spec: { internalTrafficPolicy: 'Local' } }, here, there) },
  'internal-local-without-local-endpoint': {
    objects: one({ spec: { internalTrafficPolicy: 'Local' } }, there),
  },
  'no-endpoints': {
    objects: one({
      ...balanced,
      spec: { externalIPs: ['192.0.2.4'], loadBalancerSourceRanges: ['203.0.113.0/25'] },
    }),
  },
  'source-ranges-with-node': {
    objects: [
      node({ name: 'node-a', addresses: ['192.168.50.11'] }),
      ...one(
        {
          ...balanced,
          ingress: [{ ip: '198.51.100.4' }, { ip: '198.51.100.5' }],
          spec: { loadBalancerSourceRanges: ['203.0.113.0/25', '192.168.0.0/16'] },
        },
        there,
      ),
    ],
  },
  affinity: {
    objects: one(
      { spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 300 } } } },
      here,
      there,
    ),
  },
  ipv6: {
    setting: { ...plainSetting, family: 'IPv6' },
    objects: one(
      {
        ...balanced,
        clusterIPs: ['fd00:172:30::41'],
        ingress: [{ ip: '2001:db8:100::4' }],
        spec: { loadBalancerSourceRanges: ['2001:db8:113::/119'] },
      },
      { address: 'fd00:10:244:1::5' },
      { address: 'fd00:10:244:1::6' },
    ),
  },
  'no-localhost-node-ports': {
    setting: settings({ localhostNodePorts: false }),
    objects: one({ type: 'NodePort', ports: nodePort }, here),
  },
  'node-port-addresses': {
    setting: settings({ nodePortAddresses: { kind: 'cidrs', cidrs: ['192.168.50.0/24', '10.0.0.0/8'] } }),
    objects: one({ type: 'NodePort', ports: nodePort }, here),
  },
  'masquerade-all': { setting: settings({ masqueradeAll: true }), objects: one({}, here) },
  'no-detector': {
    setting: settings({ detectLocal: { mode: 'None' } }),
    objects: one({ ...balanced, spec: { externalTrafficPolicy: 'Local' } }, here),
  },
  bridge: {
    setting: settings({ detectLocal: { mode: 'BridgeInterface', name: 'cni0' } }),
    objects: one({ ...balanced, spec: { externalTrafficPolicy: 'Local' } }, here),
  },
  'interface-prefix': {
    setting: settings({ detectLocal: { mode: 'InterfaceNamePrefix', prefix: 'veth' }, masqueradeBit: 31 }),
    objects: one({ ...balanced, spec: { externalTrafficPolicy: 'Local' } }, here),
  },
  'many-services': { objects: manyServices },
  'many-endpoints': { objects: one({}, ...manyEndpoints) },
  'without-comments': { setting: { ...plainSetting, comments: false }, objects: one(balanced, here, there) },
};

/** The Services of kube-proxy's TestOverallIPTablesRules (pkg/proxy/iptables/proxier_test.go). */
const fiveServices: readonly Json[] = [
  ...theirs('ns1', 'svc1', '172.30.0.41', {}, { address: '10.180.0.1' }),
  ...theirs(
    'ns2',
    'svc2',
    '172.30.0.42',
    {
      type: 'LoadBalancer',
      ports: [{ name: 'p80', port: 80, nodePort: 3001 }],
      ingress: [{ ip: '1.2.3.4' }],
      spec: { externalIPs: ['192.168.99.22'], externalTrafficPolicy: 'Local', healthCheckNodePort: 30000 },
    },
    { address: '10.180.0.2', node: 'node-b' },
  ),
  ...theirs(
    'ns3',
    'svc3',
    '172.30.0.43',
    { type: 'NodePort', ports: [{ name: 'p80', port: 80, nodePort: 3003 }] },
    { address: '10.180.0.3' },
  ),
  ...theirs(
    'ns4',
    'svc4',
    '172.30.0.44',
    { type: 'NodePort', spec: { externalIPs: ['192.168.99.33'] } },
    { address: '10.180.0.4' },
    { address: '10.180.0.5' },
  ),
  ...theirs(
    'ns5',
    'svc5',
    '172.30.0.45',
    {
      type: 'LoadBalancer',
      ports: [{ name: 'p80', port: 80, nodePort: 3002 }],
      ingress: [{ ip: '5.6.7.8' }],
      spec: { loadBalancerSourceRanges: [' 203.0.113.0/25'], sessionAffinity: 'ClientIP' },
    },
    { address: '10.180.0.3' },
  ),
  theirs('ns6', 'svc6', '172.30.0.46', {})[0] ?? {},
];

function theirs(
  namespace: string,
  name: string,
  clusterIP: string,
  options: Partial<ServiceOptions>,
  ...endpoints: readonly EndpointOptions[]
): readonly Json[] {
  const ports = options.ports ?? [{ name: 'p80', port: 80 }];
  return [
    service({ namespace, name, clusterIPs: [clusterIP], ports, ...options }),
    slice({ of: name, namespace, ports: [{ name: 'p80', port: 80 }], endpoints }),
  ];
}

/** Lines that kube-proxy's own test has for svc5. */
const goldenLines = [
  '-A KUBE-SERVICES -m comment --comment "ns5/svc5:p80 cluster IP" -m tcp -p tcp -d 172.30.0.45 --dport 80 -j KUBE-SVC-NUKIZ6OKUXPJNT4C',
  '-A KUBE-SERVICES -m comment --comment "ns5/svc5:p80 loadbalancer IP" -m tcp -p tcp -d 5.6.7.8 --dport 80 -j KUBE-FW-NUKIZ6OKUXPJNT4C',
  '-A KUBE-FW-NUKIZ6OKUXPJNT4C -m comment --comment "ns5/svc5:p80 loadbalancer IP" -s 203.0.113.0/25 -j KUBE-EXT-NUKIZ6OKUXPJNT4C',
  '-A KUBE-SVC-NUKIZ6OKUXPJNT4C -m comment --comment "ns5/svc5:p80 -> 10.180.0.3:80" -m recent --name KUBE-SEP-I77PXRDZVX7PMWMN --rcheck --seconds 10800 --reap -j KUBE-SEP-I77PXRDZVX7PMWMN',
  '-A KUBE-SEP-I77PXRDZVX7PMWMN -m comment --comment ns5/svc5:p80 -m recent --name KUBE-SEP-I77PXRDZVX7PMWMN --set -m tcp -p tcp -j DNAT --to-destination 10.180.0.3:80',
];

describe('the whole text for', () => {
  it.each(Object.entries(examples))('%s', async (name, { setting = plainSetting, objects }) => {
    const text = `${linesOf(setting, objects).join('\n')}\n`;
    await expect(text).toMatchFileSnapshot(`../../../../test/testdata/iptables/${name}.rules`);
  });

  it("kube-proxy's sample, with its golden lines word for word", async () => {
    const lines = linesOf(likeTheirs, fiveServices);
    for (const golden of goldenLines) expect(lines).toContain(golden);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      '../../../../test/testdata/iptables/kube-proxy-sample.rules',
    );
  });
});

describe('names', () => {
  it('of chains are unique in their table and fit into the kernel', () => {
    fc.assert(
      fc.property(someSetting, fc.integer({ min: 40, max: 70 }).chain(clustersOf), (setting, cluster) => {
        const chains = [...wantedChains(momentOf(setting, objectsOf(cluster)).layout)];
        const placed = chains.map(({ table, name }) => `${table} ${name}`);
        const known = new Set(placed);
        expect(known.size).toBe(placed.length);
        for (const { name, chain } of chains) {
          expect(name).toMatch(/^[A-Z0-9-]+$/);
          expect(name.startsWith(namesIn(setting).prefix) || name === firewall).toBe(true);
          expect(name.length).toBeLessThanOrEqual(longestChainName);
          for (const { target, matches } of chain?.rules ?? []) {
            if (target.kind === 'jump') expect(known.has(`${chain?.table} ${target.chain}`)).toBe(true);
            for (const match of matches)
              if ('list' in match) expect(known.has(`nat ${match.list}`)).toBe(true);
          }
        }
      }),
      { numRuns: 8 },
    );
  });

  it('as long as Kubernetes has them leave comments that the kernel keeps whole', () => {
    const long = (letter: string) => letter.repeat(63);
    const port = { name: long('p'), port: 65_535, protocol: 'SCTP', nodePort: 32_767 } as const;
    for (const externalTrafficPolicy of ['Local', 'Cluster']) {
      for (const endpoints of [[], ['fd00:1111:2222:3333:4444:5555:6666:7777']]) {
        const lines = linesOf({ ...likeTheirs, family: 'IPv6' }, [
          service({
            namespace: long('n'),
            name: long('s'),
            type: 'LoadBalancer',
            clusterIPs: ['fd00:1111:2222:3333:4444:5555:6666:8888'],
            ports: [port],
            ingress: [{ ip: '2001:db8::1' }],
            spec: {
              externalTrafficPolicy,
              healthCheckNodePort: 32_766,
              loadBalancerSourceRanges: ['2001:db8::/64'],
              externalIPs: ['2001:db8::2'],
              sessionAffinity: 'ClientIP',
            },
          }),
          slice({
            of: long('s'),
            suffix: 'a',
            namespace: long('n'),
            family: 'IPv6',
            ports: [port],
            endpoints: endpoints.map((address) => ({ address })),
          }),
        ]);
        const comments = lines.flatMap((line) => /--comment (?:"([^"]*)"|(\S+))/.exec(line)?.slice(1) ?? []);
        const longest = Math.max(...comments.map((comment) => comment?.length ?? 0));
        expect(longest).toBeGreaterThan(3 * 63);
        expect(longest).toBeLessThanOrEqual(255);
      }
    }
  });
});

describe('as many rules as kube-proxy has (TestNumberIptablesRules)', () => {
  /** Rules by table, without the jumps from built-in chains, which kube-proxy does not send along. */
  function counts(objects: readonly Json[]) {
    const count = { mangle: 0, filter: 0, nat: 0 };
    let table: keyof typeof count = 'filter';
    for (const line of linesOf(likeTheirs, objects)) {
      if (line.startsWith('*')) table = line === '*nat' ? 'nat' : line === '*filter' ? 'filter' : 'mangle';
      else if (line.startsWith('-A ')) count[table] += 1;
    }
    return count;
  }

  const cluster = (size: number, endpoints: number, more: (number: number) => Partial<ServiceOptions>) =>
    [...Array(size).keys()].flatMap((number) =>
      theirs(
        'ns',
        `svc${number}`,
        `172.30.0.${number}`,
        more(number),
        ...[...Array(endpoints).keys()].map((at) => ({ address: `10.1.${number}.${at}` })),
      ),
    );
  const exposed = (number: number): Partial<ServiceOptions> => ({
    type: 'LoadBalancer',
    ports: [{ name: 'p80', port: 80, nodePort: 30_000 + number }],
    ingress: [{ ip: `1.2.3.${number}` }],
    spec: { externalIPs: [`1.2.4.${number}`], loadBalancerSourceRanges: [`1.2.3.${number}/32`] },
  });

  it('in an empty cluster', () => {
    expect(counts([])).toEqual({ mangle: 0, filter: 4, nat: 5 });
  });

  it.each([
    [1, 0],
    [1, 1],
    [5, 3],
    [16, 0],
    [16, 1],
    [16, 16],
  ])('for %i Services with %i endpoints each', (size, endpoints) => {
    expect(counts(cluster(size, endpoints, () => ({})))).toEqual(
      endpoints === 0
        ? { mangle: 0, filter: 4 + size, nat: 5 }
        : { mangle: 0, filter: 4, nat: 5 + size * (2 + 3 * endpoints) },
    );
  });

  // Three addresses a Service in nat KUBE-SERVICES: 5 Services are the most that stay without a tree.
  it.each([
    [1, 0],
    [5, 0],
    [1, 1],
    [5, 7],
  ])('for %i load balancers with %i endpoints each', (size, endpoints) => {
    expect(counts(cluster(size, endpoints, exposed))).toEqual(
      endpoints === 0
        ? { mangle: 0, filter: 4 + 4 * size, nat: 5 }
        : { mangle: 0, filter: 4 + size, nat: 5 + size * (10 + 3 * endpoints) },
    );
  });
});
