import { describe, expect, it } from 'vitest';
import { decode, objectsIn } from './decode.ts';

describe('decode', () => {
  it.each([
    ['Service', 'v1', { clusterIP: '10.0.0.1', ports: [{ port: 80 }] }, 'Service shop/web'],
    ['Node', 'v1', {}, 'Node web'],
    ['ServiceCIDR', 'networking.k8s.io/v1', { cidrs: ['10.0.0.0/8'] }, 'ServiceCIDR web'],
    ['ServiceCIDR', 'networking.k8s.io/v1beta1', { cidrs: ['10.0.0.0/8'] }, 'ServiceCIDR web'],
  ])('knows %s of %s', (kind, apiVersion, spec, id) => {
    const read = decode({ kind, apiVersion, metadata: { namespace: 'shop', name: 'web' }, spec });
    expect(read).toMatchObject({ outcome: 'change', id, change: { kind } });
  });

  it('knows EndpointSlices, and objects that are not for us', () => {
    const labels = { 'kubernetes.io/service-name': 'web' };
    const slice = {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { name: 'web-1', labels },
    };
    expect(decode({ ...slice, addressType: 'IPv6' })).toMatchObject({
      change: { object: { family: 'IPv6' } },
    });
    expect(decode({ ...slice, addressType: 'FQDN' })).toMatchObject({
      outcome: 'change',
      id: 'EndpointSlice default/web-1',
      change: { key: 'default/web-1', object: undefined },
    });
  });

  it('refuses with the name when there is one', () => {
    const raw = { kind: 'Service', apiVersion: 'v1', spec: { clusterIP: 'x' } };
    expect(decode({ ...raw, metadata: { name: 'web' } })).toMatchObject({
      outcome: 'refuse',
      id: 'Service default/web',
    });
    expect(decode(raw)).toMatchObject({ outcome: 'refuse', id: undefined });
  });

  it.each([
    [{ kind: 'Deployment', apiVersion: 'apps/v1' }, 'Deployment (apps/v1)'],
    [{ kind: 'Service', apiVersion: 'serving.knative.dev/v1' }, 'Service (serving.knative.dev/v1)'],
    [{ kind: '__proto__', apiVersion: 'v1' }, '__proto__ (v1)'],
    [{ kind: 'a\n', apiVersion: '' }, '"a\\n" ("")'],
  ])('knows not %j', (raw, kind) => {
    expect(decode(raw)).toEqual({ outcome: 'unknown', kind });
  });

  it.each([
    [undefined, 'must be an object, is nothing'],
    ['x', 'must be an object, is "x"'],
    [[], 'must be an object, is a list'],
    [{ kind: 'Service' }, 'has no kind and apiVersion'],
    [{ kind: 7, apiVersion: 'v1' }, 'has no kind and apiVersion'],
  ])('wonders at %j', (raw, reason) => {
    expect(decode(raw)).toEqual({ outcome: 'alien', reason });
  });
});

describe('objectsIn', () => {
  const web = { kind: 'Service', apiVersion: 'v1', metadata: { name: 'web' } };

  it('takes lists apart, and items of a ServiceList inherit', () => {
    const nameless = { metadata: { name: 'web' } };
    expect([...objectsIn(web)]).toEqual([web]);
    expect([
      ...objectsIn({ kind: 'List', apiVersion: 'v1', items: [web, { kind: 'List', items: [web, 7] }] }),
    ]).toEqual([web, web, 7]);
    expect([...objectsIn({ kind: 'ServiceList', apiVersion: 'v1', items: [nameless] })]).toEqual([web]);
    expect([...objectsIn({ kind: 'List', items: null })]).toEqual([]);
    expect([...objectsIn({ kind: 'List', items: 'x' })]).toEqual([{ kind: 'List', items: 'x' }]);
  });

  it('does not follow lists without end', () => {
    let deep: unknown = web;
    for (let level = 0; level < 10_000; level++) deep = { kind: 'List', items: [deep] };
    expect([...objectsIn(deep)]).toMatchObject([{ kind: 'List' }]);
  });
});
