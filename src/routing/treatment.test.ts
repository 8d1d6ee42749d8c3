import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../model/endpoint.ts';
import type { PolicyUse } from './policy.ts';
import type { LocalPods, Treatment } from './route.ts';
import { externalTreatment, internalTreatment, type TreatmentContext } from './treatment.ts';

const one: Endpoint = {
  address: '10.0.0.1',
  port: 80,
  ready: true,
  serving: true,
  terminating: false,
  nodeName: undefined,
  zone: undefined,
  forNodes: [],
  forZones: [],
};

const detector: LocalPods = { kind: 'source-network', cidr: '10.0.0.0/8' };

/** Where endpoints are: `c` in the cluster set, `l` in the local one, `e` elsewhere and usable. */
function context(where: string, more: Partial<TreatmentContext> = {}): TreatmentContext {
  const has = (letter: string) => where.includes(letter);
  return {
    eligible: { cluster: has('c') ? [one] : [], local: has('l') ? [one] : [], anywhere: where !== '' },
    masqueradeAll: false,
    localPods: detector,
    ...more,
  };
}

function use(internal: PolicyUse['internal'], external: PolicyUse['external']): PolicyUse {
  return { internal, external, externallyAccessible: true, cluster: true, local: true };
}

/** A treatment in short: `node→cluster!` is traffic of the node over the cluster set, masqueraded. */
function short(treatment: Treatment): string {
  return treatment
    .map(({ source, action }) =>
      action.kind === 'balance'
        ? `${source}→${action.over}${action.masquerade ? '!' : ''}`
        : `${source}→${action.kind}`,
    )
    .join(' ');
}

describe('ClusterIP traffic', () => {
  it.each([
    ['Cluster', 'c', {}, 'not-local-pods→cluster! any→cluster'],
    ['Cluster', 'c', { localPods: undefined }, 'any→cluster'],
    ['Cluster', 'c', { masqueradeAll: true }, 'any→cluster!'],
    ['Cluster', 'c', { masqueradeAll: true, localPods: undefined }, 'any→cluster!'],
    ['Cluster', '', {}, 'any→reject'],
    ['Local', 'cl', {}, 'not-local-pods→local! any→local'],
    ['Local', 'l', { masqueradeAll: true }, 'any→local!'],
    ['Local', 'c', {}, 'any→drop'],
    ['Local', 'e', {}, 'any→drop'],
    ['Local', '', {}, 'any→reject'],
  ] as const)('policy %s, endpoints in "%s", %o: %s', (internal, where, more, expected) => {
    expect(short(internalTreatment(use(internal, 'Cluster'), context(where, more)))).toBe(expected);
  });
});

describe('traffic from outside', () => {
  it.each([
    ['Cluster', 'c', {}, 'any→cluster!'],
    ['Cluster', 'c', { localPods: undefined }, 'any→cluster!'],
    ['Cluster', '', {}, 'any→reject'],
    ['Local', 'cl', {}, 'local-pods→cluster node→cluster! any→local'],
    ['Local', 'cl', { localPods: undefined }, 'node→cluster! any→local'],
    ['Local', 'cl', { masqueradeAll: true }, 'local-pods→cluster node→cluster! any→local'],
    ['Local', 'c', {}, 'local-pods→cluster node→cluster! any→drop'],
    ['Local', 'c', { localPods: undefined }, 'node→cluster! any→drop'],
    ['Local', '', {}, 'any→reject'],
  ] as const)('policy %s, endpoints in "%s", %o: %s', (external, where, more, expected) => {
    expect(short(externalTreatment(use('Cluster', external), context(where, more)))).toBe(expected);
  });
});
