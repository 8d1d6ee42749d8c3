import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesTo, histories, objectsOf, successors } from '../../test/conformance/arbitraries.ts';
import { type Json, service, slice } from '../../test/conformance/objects.ts';
import { snapshotOf } from '../../test/conformance/rules-of.ts';
import { entries, get } from '../model/immutable-map.ts';
import { isRecord } from '../model/read.ts';
import { revise } from '../model/revise.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { decideHealthChecks, type HealthChecks } from './health-check.ts';

const balancer = (name: string, ports: readonly number[], healthCheckNodePort = 32_000, ip = '172.30.0.1') =>
  service({
    name,
    type: 'LoadBalancer',
    clusterIPs: [ip],
    ports: ports.map((port) => ({ name: `p${port}`, port })),
    spec: { externalTrafficPolicy: 'Local', healthCheckNodePort },
  });

const here = { node: 'node-a' };

function checkOf(...objects: readonly Json[]) {
  return get(decideHealthChecks(snapshotOf(objects)).services, 'default/web');
}

describe('the health check of a Service', () => {
  it('counts each address once, whatever its ports', () => {
    const endpoints = [
      { address: '10.244.1.2', ...here },
      { address: '10.244.1.1', ...here },
    ];
    const ports = [
      { name: 'p80', port: 8080 },
      { name: 'p443', port: 8443 },
    ];
    const check = checkOf(balancer('web', [80, 443]), slice({ of: 'web', ports, endpoints }));
    expect(check).toEqual({
      namespace: 'default',
      name: 'web',
      uid: undefined,
      port: 32_000,
      servicePorts: ['default/web:p80/tcp', 'default/web:p443/tcp'],
      local: { IPv4: ['10.244.1.1', '10.244.1.2'], IPv6: undefined },
    });
  });

  it('counts only what is ready and here', () => {
    const endpoints = [
      { address: '10.244.1.1', ...here },
      { address: '10.244.1.2', ...here, ready: false, serving: true, terminating: true },
      { address: '10.244.1.3', ...here, ready: false },
      { address: '10.244.2.1', node: 'node-b' },
      { address: '10.244.9.9' },
    ];
    const objects = slice({ of: 'web', ports: [{ name: 'p80', port: 8080 }], endpoints });
    expect(checkOf(balancer('web', [80]), objects)?.local.IPv4).toEqual(['10.244.1.1']);
  });

  it('is there without a single endpoint, and not without a port to ask at', () => {
    expect(checkOf(balancer('web', [80]))?.local).toEqual({ IPv4: [], IPv6: undefined });
    expect(checkOf(balancer('web', [80], 0))).toBeUndefined();
  });
});

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce((inner, name) => (isRecord(inner) ? inner[name] : undefined), value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown, ...path: readonly string[]): string => {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
};

/** Port and counts by Service, as the objects' JSON says, read as slowly as can be. */
function slowly(objects: readonly Json[]): unknown {
  const portOf = (port: unknown) => `${text(port, 'name')} ${text(port, 'protocol') || 'TCP'}`;
  const count = (of: unknown, family: string) => {
    const wanted = list(at(of, 'spec', 'ports')).map(portOf);
    const local = objects
      .filter((each) => each['addressType'] === family)
      .filter(
        (each) =>
          text(each, 'metadata', 'labels', 'kubernetes.io/service-name') === text(of, 'metadata', 'name'),
      )
      .filter((each) => list(each['ports']).some((port) => wanted.includes(portOf(port))))
      .flatMap((each) => list(each['endpoints']))
      .filter((each) => at(each, 'nodeName') === 'node-a' && at(each, 'conditions', 'ready') !== false);
    return new Set(local.map((each) => text(list(at(each, 'addresses'))[0]))).size;
  };
  const has = (of: unknown, mark: string) =>
    list(at(of, 'spec', 'clusterIPs')).some((address) => text(address).includes(mark));
  return Object.fromEntries(
    objects
      .filter((each) => each['kind'] === 'Service' && at(each, 'spec', 'healthCheckNodePort') !== undefined)
      .map((each) => [
        `default/${text(each, 'metadata', 'name')}`,
        [
          at(each, 'spec', 'healthCheckNodePort'),
          has(each, '.') ? count(each, 'IPv4') : undefined,
          has(each, ':') ? count(each, 'IPv6') : undefined,
        ],
      ]),
  );
}

function contentOf({ services }: HealthChecks): unknown {
  const rows = [...entries(services)].map(
    ([key, { port, local }]) => [key, [port, local.IPv4?.length, local.IPv6?.length]] as const,
  );
  return Object.fromEntries(rows);
}

/** Every Service with a health-check port is made one that may have it. */
function balancers(objects: readonly Json[]): readonly Json[] {
  return objects.map((object) =>
    object['kind'] === 'Service' && isRecord(object['spec'])
      ? { ...object, spec: { ...object['spec'], type: 'LoadBalancer', externalTrafficPolicy: 'Local' } }
      : object,
  );
}

describe('health checks decided from previous ones', () => {
  it('are those that the objects ask for, after any row of changes', () => {
    const rows = histories.chain(([a, b]) => fc.tuple(fc.constant(a), fc.constant(b), successors(b)));
    let seen = 0;
    fc.assert(
      fc.property(rows, (row) => {
        let snapshot: Snapshot | undefined;
        let previous: HealthChecks | undefined;
        for (const cluster of row) {
          const objects = balancers(objectsOf(cluster));
          const wanted = snapshotOf(objects);
          snapshot = snapshot === undefined ? wanted : revise(snapshot, changesTo(snapshot, wanted));
          const before = previous;
          previous = decideHealthChecks(snapshot, before);
          const content = contentOf(previous);
          expect(content).toEqual(slowly(objects));
          for (const [key, check] of entries(previous.services)) {
            const old = before && get(before.services, key);
            if (JSON.stringify(old) === JSON.stringify(check)) expect(check).toBe(old);
          }
          seen += previous.services.size;
        }
      }),
      { numRuns: 40 },
    );
    expect(seen).toBeGreaterThan(20);
  });

  it('cost nothing when no Service with a health check changed', () => {
    const before = snapshotOf([balancer('web', [80]), balancer('other', [80], 0, '172.30.0.2')]);
    const old = decideHealthChecks(before);
    const endpoints = [{ address: '10.244.1.1', ...here }];
    const changed = slice({ of: 'other', ports: [{ name: 'p80', port: 8080 }], endpoints });
    const after = revise(
      before,
      changesTo(
        before,
        snapshotOf([balancer('web', [80]), balancer('other', [80], 0, '172.30.0.2'), changed]),
      ),
    );
    expect(decideHealthChecks(after, old).services).toBe(old.services);
  });
});
