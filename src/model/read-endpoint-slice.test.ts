import { describe, expect, it } from 'vitest';
import type { EndpointSlice } from './endpoint.ts';
import { readEndpointSlice } from './read-endpoint-slice.ts';

type Json = Readonly<Record<string, unknown>>;

function slice(more: Json = {}, labels: Json = { 'kubernetes.io/service-name': 'web' }): unknown {
  return {
    metadata: { namespace: 'shop', name: 'web-x1.y', labels },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [{ addresses: ['10.1.0.1', '10.1.0.2'] }],
    ...more,
  };
}

function read(raw: unknown) {
  const result = readEndpointSlice(raw);
  return {
    outcome: result.outcome,
    found: result.outcome === 'ignore' ? [] : result.findings.map(({ code, field }) => `${code} ${field}`),
    object: result.outcome === 'use' ? result.object : undefined,
  };
}

function endpointsOf(object: EndpointSlice | undefined) {
  return object?.ports[0]?.endpoints;
}

const plain = {
  ready: true,
  serving: true,
  terminating: false,
  nodeName: undefined,
  zone: undefined,
  forNodes: [],
  forZones: [],
};

describe('readEndpointSlice', () => {
  it('reads the first address with the defaults', () => {
    expect(read(slice())).toEqual({
      outcome: 'use',
      found: [],
      object: {
        namespace: 'shop',
        name: 'web-x1.y',
        serviceName: 'web',
        family: 'IPv4',
        ports: [
          {
            name: 'http',
            protocol: 'TCP',
            port: 8080,
            endpoints: [{ ...plain, address: '10.1.0.1', port: 8080 }],
          },
        ],
        lastChangeTriggerTime: undefined,
      },
    });
  });

  it.each<[unknown, number | undefined]>([
    ['2024-05-01T12:00:00Z', Date.UTC(2024, 4, 1, 12)],
    ['2024-05-01T12:00:00.123456789Z', Date.UTC(2024, 4, 1, 12, 0, 0, 123)],
    ['2024-05-01T14:00:00.5+02:00', Date.UTC(2024, 4, 1, 12, 0, 0, 500)],
    ['', undefined],
    ['yesterday', undefined],
    ['2024-05-01', undefined],
    ['2024-13-01T12:00:00Z', undefined],
    [`2024-05-01T12:00:00.${'1'.repeat(200_000)}`, undefined],
    [1714564800, undefined],
  ])('reads when the change was triggered: %.40s', (time, expected) => {
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': time };
    const labels = { 'kubernetes.io/service-name': 'web' };
    const { found, object } = read(
      slice({ metadata: { namespace: 'shop', name: 'a', labels, annotations } }),
    );
    expect(found).toEqual([]);
    expect(object?.lastChangeTriggerTime).toBe(expected);
  });

  it('needs no annotations that are a record', () => {
    const labels = { 'kubernetes.io/service-name': 'web' };
    const { found, object } = read(
      slice({ metadata: { namespace: 'shop', name: 'a', labels, annotations: [7] } }),
    );
    expect([found, object?.lastChangeTriggerTime]).toEqual([[], undefined]);
  });

  it('reads conditions, places and hints', () => {
    const endpoint = {
      addresses: ['10.1.0.1'],
      conditions: { ready: false, serving: true, terminating: true },
      nodeName: 'node-1.example',
      zone: 'eu-1a',
      hints: { forZones: [{ name: 'eu-1a' }], forNodes: [{ name: 'node-1.example' }] },
    };
    expect(endpointsOf(read(slice({ endpoints: [endpoint] })).object)).toEqual([
      {
        address: '10.1.0.1',
        port: 8080,
        ready: false,
        serving: true,
        terminating: true,
        nodeName: 'node-1.example',
        zone: 'eu-1a',
        forNodes: ['node-1.example'],
        forZones: ['eu-1a'],
      },
    ]);
    const nils = {
      addresses: ['10.1.0.1'],
      conditions: { ready: null, serving: null, terminating: null },
      hints: null,
    };
    expect(endpointsOf(read(slice({ endpoints: [nils] })).object)).toEqual([
      { ...plain, address: '10.1.0.1', port: 8080 },
    ]);
  });

  it('has no word for ports without a number', () => {
    const ports = [
      { name: 'any' },
      { name: 'null', port: null },
      { name: 'zero', port: 0 },
      { port: 53, protocol: 'UDP' },
    ];
    expect(read(slice({ ports }))).toMatchObject({
      found: [],
      object: { ports: [{ name: '', protocol: 'UDP', port: 53 }] },
    });
    expect(read(slice({ ports: null, endpoints: null }))).toMatchObject({
      found: [],
      object: { ports: [] },
    });
  });

  it.each([
    ['FQDN', slice({ addressType: 'FQDN', endpoints: [{ addresses: ['example.com'] }] })],
    [
      'a headless label',
      slice({}, { 'kubernetes.io/service-name': 'web', 'service.kubernetes.io/headless': '' }),
    ],
    ['no service name', slice({}, {})],
    ['an empty service name', slice({}, { 'kubernetes.io/service-name': '' })],
  ])('ignores without a finding: %s', (_, raw) => {
    expect(read(raw)).toMatchObject({ outcome: 'ignore', found: [] });
  });

  it.each([
    ['metadata.name', slice({ metadata: { name: 'a_b', labels: {} } })],
    ['metadata.labels.kubernetes.io/service-name', slice({}, { 'kubernetes.io/service-name': 'a b' })],
    ['addressType', slice({ addressType: 'IPv5' })],
    ['addressType', slice({ addressType: undefined })],
    ['ports[0].port', slice({ ports: [{ port: 65_536 }] })],
    ['ports[0].port', slice({ ports: [{ port: 'http' }] })],
    ['ports[0].name', slice({ ports: [{ name: 'a"b', port: 1 }] })],
    ['ports[0].protocol', slice({ ports: [{ protocol: 'ICMP', port: 1 }] })],
    ['ports[1].name', slice({ ports: [{ port: 1 }, { port: 2 }] })],
  ])('refuses the object for %s', (field, raw) => {
    expect(read(raw)).toMatchObject({ outcome: 'refuse', found: [`NP-OBJECT-001 ${field}`] });
  });

  it.each([
    ['endpoints[1].addresses[0]', { addresses: ['web.example.com'] }],
    ['endpoints[1].addresses[0]', { addresses: ['fd00::1'] }],
    ['endpoints[1].addresses[0]', { addresses: ['127.0.0.1'] }],
    ['endpoints[1].addresses[0]', { addresses: ['0.0.0.0'] }],
    ['endpoints[1].addresses[0]', { addresses: ['224.0.0.1'] }],
    ['endpoints[1].addresses[0]', { addresses: ['169.254.169.254'] }],
    ['endpoints[1].addresses', { addresses: [] }],
    ['endpoints[1].addresses', { addresses: [null] }],
    ['endpoints[1].conditions.ready', { addresses: ['10.1.0.9'], conditions: { ready: 'yes' } }],
    ['endpoints[1].nodeName', { addresses: ['10.1.0.9'], nodeName: 'a\nb' }],
    ['endpoints[1]', '10.1.0.9'],
  ])('leaves out an endpoint for %s', (field, endpoint) => {
    const raw = slice({ endpoints: [{ addresses: ['10.1.0.1'] }, endpoint] });
    const result = read(raw);
    expect(result.outcome).toBe('use');
    expect(endpointsOf(result.object)).toEqual([{ ...plain, address: '10.1.0.1', port: 8080 }]);
    expect([...new Set(result.found)]).toEqual([`NP-OBJECT-002 ${field}`]);
  });

  it('keeps an endpoint whose zone or hints are wrong', () => {
    const endpoint = {
      addresses: ['10.1.0.1'],
      zone: 'a b',
      hints: { forZones: [{ name: '\n' }, { name: 'b' }], forNodes: 7 },
    };
    const { outcome, found, object } = read(slice({ endpoints: [endpoint] }));
    expect({ outcome, found }).toEqual({
      outcome: 'use',
      found: [
        'NP-OBJECT-002 endpoints[0].zone',
        'NP-OBJECT-002 endpoints[0].hints.forNodes',
        'NP-OBJECT-002 endpoints[0].hints.forZones[0].name',
      ],
    });
    expect(endpointsOf(object)).toEqual([{ ...plain, address: '10.1.0.1', port: 8080, forZones: ['b'] }]);
  });
});
