import { type Family, families } from '../../src/model/address.ts';
import type { Protocol } from '../../src/model/service.ts';
import type { RoutingSettings } from '../../src/routing/settings.ts';
import type { Expectation } from '../netns/observe.ts';
import { type EndpointOptions, type Json, nodeOf } from './objects.ts';
import { type Places, type PodName, placesOf } from './places.ts';

/** A packet and what has to become of it. */
export interface Case {
  readonly from: 'client' | 'node-a' | PodName;
  /** Source addresses of the client, taken in turn; its own when undefined. */
  readonly sources?: readonly string[];
  readonly to: string;
  readonly port: number;
  /** TCP when undefined. */
  readonly protocol?: Protocol;
  readonly expect: Expectation;
  /** Why real connections cannot show it; the tracer and the fake kernel still do. */
  readonly notReal?: string;
}

/** Kubernetes objects, packets, and what has to become of them: the same for every dialect, kernel and family. */
export interface Scenario {
  /** A sentence that says what holds. */
  readonly name: string;
  readonly families?: readonly Family[];
  readonly settings?: (at: Places) => Partial<RoutingSettings>;
  /** Addresses that node-a has besides its own. */
  readonly nodeAddresses?: (at: Places) => readonly string[];
  /** More than 200 kB of rules in one transaction. */
  readonly large?: true;
  /** The node's pods hang on a bridge instead of links of their own. */
  readonly bridge?: true;
  readonly objects: (at: Places) => readonly Json[];
  readonly cases: (at: Places) => readonly Case[];
}

/** A scenario in one family. */
export interface Played {
  readonly scenario: Scenario;
  readonly at: Places;
}

/** Every scenario in every family it is for. */
export function played(scenarios: readonly Scenario[]): readonly Played[] {
  return scenarios.flatMap((scenario) =>
    (scenario.families ?? families).map((family) => ({ scenario, at: placesOf(family) })),
  );
}

/** Ports on which every pod of the world listens, TCP and UDP, and answers with its name. */
export const podPorts = [8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087] as const;

/** Balanced evenly over these pods at this port, with the client's own address kept. */
export function reaches(at: Places, pods: readonly PodName[], port = 8080): Expectation {
  return {
    verdict: 'forward',
    masquerade: false,
    endpoints: pods.map((pod) => ({ address: at.pod(pod), port })),
  };
}

/** The same, but the pods see an address of the node. */
export function reachesMasqueraded(at: Places, pods: readonly PodName[], port = 8080): Expectation {
  return {
    verdict: 'forward',
    masquerade: true,
    endpoints: pods.map((pod) => ({ address: at.pod(pod), port })),
  };
}

export const rejected: Expectation = { verdict: 'reject' };
export const dropped: Expectation = { verdict: 'drop' };
export const untouched: Expectation = { verdict: 'none' };

/** Endpoints for pods of the world, each on its node. */
export function podEndpoints(
  at: Places,
  pods: readonly PodName[],
  more: Omit<EndpointOptions, 'address' | 'node'> = {},
): readonly EndpointOptions[] {
  return pods.map((pod) => ({ address: at.pod(pod), node: nodeOf(pod), ...more }));
}
