import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEndpointSlice } from './read-endpoint-slice.ts';
import { readNode } from './read-node.ts';
import { readService } from './read-service.ts';
import { readServiceCIDR } from './read-service-cidr.ts';

const seed = Number(process.env['FC_SEED'] ?? 1);

type Json = Readonly<Record<string, unknown>>;

function service(spec: Json = {}, more: { metadata?: Json; status?: Json } = {}): unknown {
  return {
    metadata: { namespace: 'shop', name: 'web', ...more.metadata },
    spec: { clusterIP: '10.0.0.1', ports: [{ port: 80 }], ...spec },
    status: more.status,
  };
}

/** The object, which must have been read without a finding. */
function used(raw: unknown) {
  const read = readService(raw);
  if (read.outcome !== 'use') throw new Error(JSON.stringify(read));
  expect(read.findings).toEqual([]);
  return read.object;
}

/** `code field` of every finding. */
function found(raw: unknown): readonly string[] {
  const read = readService(raw);
  return read.outcome === 'ignore' ? [] : read.findings.map(({ code, field }) => `${code} ${field}`);
}

describe('readService', () => {
  it('fills in what is absent, as the API server does', () => {
    expect(used(service())).toEqual({
      namespace: 'shop',
      name: 'web',
      uid: undefined,
      type: 'ClusterIP',
      clusterIPs: ['10.0.0.1'],
      externalIPs: [],
      loadBalancerIPs: [],
      loadBalancerSourceRanges: [],
      ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }],
      affinitySeconds: undefined,
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 0,
    });
    expect(readService({ ...Object(service()), metadata: { name: 'web' } })).toMatchObject({
      key: 'default/web',
    });
  });

  it('reads all that a load balancer has', () => {
    const raw = service(
      {
        type: 'LoadBalancer',
        clusterIPs: ['10.0.0.01', 'FD00::1'],
        externalIPs: ['198.51.100.1', '198.51.100.001'],
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053, targetPort: 'named' },
          { name: 'dns-tcp', protocol: 'TCP', port: 53, nodePort: 30053, appProtocol: 'x' },
        ],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
        internalTrafficPolicy: 'Local',
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 30100,
        loadBalancerSourceRanges: [' 203.0.113.7/24 ', '0.0.0.0/0'],
      },
      {
        status: {
          loadBalancer: {
            ingress: [
              { ip: '192.0.2.1' },
              { ip: '192.0.2.2', ipMode: 'VIP' },
              { ip: '192.0.2.3', ipMode: 'Proxy' },
              { hostname: 'lb.example.com' },
            ],
          },
        },
      },
    );
    expect(used(raw)).toMatchObject({
      clusterIPs: ['10.0.0.1', 'fd00::1'],
      externalIPs: ['198.51.100.1'],
      loadBalancerIPs: ['192.0.2.1', '192.0.2.2'],
      loadBalancerSourceRanges: ['203.0.113.0/24', '0.0.0.0/0'],
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53, nodePort: 30053 },
      ],
      affinitySeconds: 60,
      internalTrafficPolicy: 'Local',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 30100,
    });
  });

  it('keeps what belongs to a type to that type', () => {
    const spec = {
      ports: [{ port: 80, nodePort: 30080 }],
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 30100,
      loadBalancerSourceRanges: ['10.0.0.0/8'],
    };
    const more = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } };
    const none = { loadBalancerIPs: [], loadBalancerSourceRanges: [], healthCheckNodePort: 0 };
    expect(used(service(spec, more))).toMatchObject({ ...none, ports: [{ nodePort: 0 }] });
    expect(used(service({ ...spec, type: 'NodePort' }, more))).toMatchObject({
      ...none,
      ports: [{ nodePort: 30080 }],
    });
    const cluster = { ...spec, type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' };
    expect(used(service(cluster, more))).toMatchObject({
      healthCheckNodePort: 0,
      loadBalancerIPs: ['192.0.2.1'],
    });
  });

  it('takes null and empty text for absent, as Go does', () => {
    const spec = {
      type: '',
      clusterIPs: null,
      externalIPs: null,
      sessionAffinity: '',
      sessionAffinityConfig: null,
      internalTrafficPolicy: null,
      ports: [{ name: null, port: 80, protocol: '', nodePort: null }],
    };
    expect(used(service(spec, { metadata: { labels: null } }))).toEqual(used(service()));
  });

  it('has the default time of affinity', () => {
    expect(used(service({ sessionAffinity: 'ClientIP' })).affinitySeconds).toBe(10_800);
  });

  it.each([
    [
      'a label of another proxy',
      service({}, { metadata: { labels: { 'service.kubernetes.io/service-proxy-name': '' } } }),
    ],
    ['headless', service({ clusterIP: 'None' })],
    ['headless, in clusterIPs', service({ clusterIP: undefined, clusterIPs: ['None'] })],
    ['no cluster IP yet', service({ clusterIP: '' })],
    ['no spec', { metadata: { name: 'web' } }],
    ['ExternalName', service({ type: 'ExternalName', externalName: 'x', clusterIP: 'rubbish' })],
  ])('ignores without a finding: %s', (_, raw) => {
    expect(readService(raw)).toMatchObject({ outcome: 'ignore' });
  });

  it.each([
    ['its name', { labels: { 'service.kubernetes.io/service-proxy-name': 'mesh' } }, 'use'],
    ['another name', { labels: { 'service.kubernetes.io/service-proxy-name': 'Mesh' } }, 'ignore'],
    ['no text', { labels: { 'service.kubernetes.io/service-proxy-name': 7 } }, 'ignore'],
    ['no such label', { labels: { app: 'mesh' } }, 'ignore'],
    ['no labels', {}, 'ignore'],
  ])('for the proxy of a name takes Services whose label has %s: %j', (_, metadata, outcome) => {
    expect(readService(service({}, { metadata }), 'mesh')).toMatchObject({ outcome });
  });

  it.each([
    ['metadata.namespace', service({}, { metadata: { namespace: 'a.b' } })],
    ['metadata.name', service({}, { metadata: { name: 'a"b' } })],
    ['metadata.name', service({}, { metadata: { name: 'a\nb' } })],
    ['metadata.name', service({}, { metadata: { name: '$(reboot)' } })],
    ['metadata.name', service({}, { metadata: { name: 'x'.repeat(253) } })],
    ['metadata.name', service({}, { metadata: { name: undefined } })],
    ['metadata.name', service({}, { metadata: { name: 7 } })],
    ['metadata.labels', service({}, { metadata: { labels: 'x' } })],
    ['spec.type', service({ type: 'Magic' })],
    ['spec.type', service({ type: ['NodePort'] })],
    ['spec.clusterIPs[0]', service({ clusterIPs: ['10.0.0.300'], clusterIP: undefined })],
    ['spec.clusterIP', service({ clusterIP: 'rubbish' })],
    ['spec.clusterIP', service({ clusterIP: '127.0.0.1' })],
    ['spec.clusterIP', service({ clusterIP: '0.0.0.0' })],
    ['spec.clusterIP', service({ clusterIPs: ['10.0.0.2'] })],
    ['spec.clusterIPs', service({ clusterIPs: ['10.0.0.1', '10.0.0.2'] })],
    ['spec.clusterIPs', service({ clusterIPs: { 0: '10.0.0.1' } })],
    ['spec.ports', service({ ports: [] })],
    ['spec.ports', service({ ports: 'http' })],
    ['spec.ports[0]', service({ ports: [80] })],
    ['spec.ports[0].port', service({ ports: [{}] })],
    ['spec.ports[0].port', service({ ports: [{ port: 0 }] })],
    ['spec.ports[0].port', service({ ports: [{ port: 65_536 }] })],
    ['spec.ports[0].port', service({ ports: [{ port: 80.5 }] })],
    ['spec.ports[0].port', service({ ports: [{ port: '80' }] })],
    ['spec.ports[0].nodePort', service({ ports: [{ port: 80, nodePort: -1 }] })],
    ['spec.ports[0].protocol', service({ ports: [{ port: 80, protocol: 'tcp' }] })],
    ['spec.ports[0].name', service({ ports: [{ port: 80, name: 'Web' }] })],
    ['spec.ports', service({ ports: [{ port: 80 }, { port: 81, name: 'b' }] })],
    [
      'spec.ports[1].name',
      service({
        ports: [
          { port: 80, name: 'a' },
          { port: 81, name: 'a' },
        ],
      }),
    ],
    [
      'spec.ports[1].port',
      service({
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      }),
    ],
    [
      'spec.ports[1].nodePort',
      service({
        type: 'NodePort',
        ports: [
          { port: 80, name: 'a', nodePort: 30000 },
          { port: 81, name: 'b', nodePort: 30000 },
        ],
      }),
    ],
    ['spec.sessionAffinity', service({ sessionAffinity: 'Cookie' })],
    [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } }),
    ],
    [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
      service({
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } },
      }),
    ],
    ['spec.internalTrafficPolicy', service({ internalTrafficPolicy: 'local' })],
    ['spec.externalTrafficPolicy', service({ externalTrafficPolicy: 'Global' })],
    [
      'spec.loadBalancerSourceRanges[1]',
      service({ type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8', '10.0.0.1'] }),
    ],
    [
      'spec.loadBalancerSourceRanges',
      service({ type: 'LoadBalancer', loadBalancerSourceRanges: '10.0.0.0/8' }),
    ],
    ['spec.healthCheckNodePort', service({ healthCheckNodePort: 70_000 })],
  ])('refuses the object for %s', (field, raw) => {
    expect(readService(raw)).toMatchObject({ outcome: 'refuse' });
    expect(found(raw)).toEqual([`NP-OBJECT-001 ${field}`]);
  });

  it('leaves out addresses that only add reach', () => {
    const raw = service(
      { type: 'LoadBalancer', externalIPs: ['198.51.100.1', 'nowhere', '127.0.0.1', '169.254.1.1', 7] },
      {
        status: {
          loadBalancer: {
            ingress: [{ ip: 'x' }, { ip: '192.0.2.1' }, { ip: '192.0.2.2', ipMode: 'Odd' }, 'y'],
          },
        },
      },
    );
    expect(readService(raw)).toMatchObject({
      outcome: 'use',
      object: { externalIPs: ['198.51.100.1'], loadBalancerIPs: ['192.0.2.1'] },
    });
  });

  it('says what is wrong, where, and in harmless letters', () => {
    const read = readService(service({ clusterIP: '10.0.0.1"\n\u001b[0m', externalTrafficPolicy: 7 }));
    expect(read).toMatchObject({
      outcome: 'refuse',
      key: 'shop/web',
      findings: [
        {
          object: 'Service shop/web',
          field: 'spec.externalTrafficPolicy',
          reason: 'must be Cluster or Local, is 7',
        },
        { field: 'spec.clusterIP', reason: 'must be an IP address, is "10.0.0.1\\"\\n\\u001b[0m"' },
      ],
    });
    const named = readService(service({}, { metadata: { name: 'a\u0007b' } }));
    expect(named).toMatchObject({ key: undefined, findings: [{ object: 'Service shop/"a\\u0007b"' }] });
  });

  it('keeps the uid, and tells it with each finding', () => {
    const metadata = { uid: '0f7f4dbc-1c28-4c4c-8d5e-7f9b4f1f4d6a' };
    expect(used(service({}, { metadata }))).toMatchObject(metadata);
    expect(readService(service({ type: 'x' }, { metadata }))).toMatchObject({ findings: [metadata] });
    for (const uid of ['a\nb', 'x'.repeat(65), 7, {}]) {
      expect(used(service({}, { metadata: { uid } })).uid).toBeUndefined();
    }
  });

  it('tells no more than sixteen findings of one object', () => {
    const read = readService(service({ externalIPs: Array(100_000).fill('x') }));
    if (read.outcome !== 'use') throw new Error(read.outcome);
    expect(read.findings).toHaveLength(16);
    expect(read.findings.at(-1)?.reason).toContain('(and 99984 more)');
  });

  it('knows no prototype', () => {
    const raw: unknown = JSON.parse(
      '{"metadata":{"name":"web","__proto__":{"namespace":"evil"}},"__proto__":{"spec":{"clusterIP":"10.0.0.1"}}}',
    );
    expect(readService(raw)).toMatchObject({ outcome: 'ignore', key: 'default/web' });
    expect(readService({ metadata: { name: 'web', labels: { constructor: 'x' } } })).toMatchObject({
      outcome: 'ignore',
    });
  });
});

describe('every reader', () => {
  const readers = [readService, readEndpointSlice, readNode, readServiceCIDR];
  const fields = [
    'metadata',
    'spec',
    'status',
    'name',
    'labels',
    'ports',
    'port',
    'clusterIP',
    'clusterIPs',
    'type',
    'addressType',
    'endpoints',
    'addresses',
    'conditions',
    'hints',
    'forZones',
    'podCIDRs',
    'cidrs',
    'taints',
    '__proto__',
  ];
  const { json } = fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.constantFrom('web', 'IPv4', '10.0.0.1', 'None', '', 80, null, Number.NaN),
      fc.anything(),
    ),
    list: fc.array(tie('json'), { maxLength: 3 }),
    record: fc.dictionary(fc.constantFrom(...fields), tie('json'), { maxKeys: 6 }),
    json: fc.oneof({ maxDepth: 6 }, tie('leaf'), tie('list'), tie('record')),
  }));

  it('never throws, and findings are one printable line', () => {
    fc.assert(
      fc.property(json, json, json, json, (any, spec, status, endpoints) => {
        for (const raw of [
          any,
          {
            metadata: { name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
            spec,
            status,
            endpoints,
            addressType: 'IPv4',
          },
        ]) {
          for (const read of readers) {
            const result = read(raw);
            if (result.outcome === 'ignore') continue;
            if (result.outcome === 'refuse') expect(result.findings).not.toEqual([]);
            for (const { object, field, reason } of result.findings)
              expect(`${object}${field}${reason}`).toMatch(/^[\x20-\x7e…]*$/);
          }
        }
      }),
      { seed, numRuns: 2000 },
    );
  });

  it('reads deep nesting and long annotations at no cost', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    for (const read of readers) expect(read({ metadata: deep, spec: deep }).outcome).toBe('refuse');
    const raw = service({ deep }, { metadata: { annotations: { long: 'x'.repeat(200_000) } } });
    expect(JSON.stringify(used(raw)).length).toBeLessThan(500);
  });
});
