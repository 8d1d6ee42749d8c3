import type { Json } from '../../conformance/objects.ts';
import type { AddressPair } from '../../netns/addresses.ts';
import type { Pod } from './pod.ts';

/** What is true of a Pod's containers; all of them start and end together. */
export type Running =
  | { readonly phase: 'waiting'; readonly reason: string }
  | { readonly phase: 'running'; readonly ready: boolean }
  | { readonly phase: 'ended' };

export interface PodFacts {
  readonly running: Running;
  /** Undefined while it has none. */
  readonly addresses: AddressPair | undefined;
  readonly hostAddresses: AddressPair;
  readonly restarts: number;
  readonly startedAt: string;
}

/** The status that a kubelet would write. Times change only with what they are about, so equal facts make an equal status. */
export function podStatus(pod: Pod, facts: PodFacts, changedAt: string): Json {
  const { running, addresses, hostAddresses, startedAt } = facts;
  const ready = running.phase === 'running' && running.ready;
  const condition = (type: string, holds: boolean): Json => ({
    type,
    status: holds ? 'True' : 'False',
    lastTransitionTime: holds && type !== 'Ready' && type !== 'ContainersReady' ? startedAt : changedAt,
  });
  return {
    phase: phases[running.phase],
    startTime: startedAt,
    hostIP: hostAddresses.IPv4,
    hostIPs: ipsOf(hostAddresses),
    ...(addresses === undefined ? {} : { podIP: addresses.IPv4, podIPs: ipsOf(addresses) }),
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('PodReadyToStartContainers', addresses !== undefined),
      condition('ContainersReady', ready),
      condition('Ready', ready),
    ],
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready,
      started: running.phase === 'running',
      restartCount: facts.restarts,
      state: containerState(running, startedAt, changedAt),
    })),
  };
}

const phases: Readonly<Record<Running['phase'], string>> = {
  waiting: 'Pending',
  running: 'Running',
  ended: 'Succeeded',
};

function ipsOf({ IPv4, IPv6 }: AddressPair): readonly Json[] {
  return [{ ip: IPv4 }, { ip: IPv6 }];
}

function containerState(running: Running, startedAt: string, finishedAt: string): Json {
  if (running.phase === 'waiting') return { waiting: { reason: running.reason } };
  if (running.phase === 'running') return { running: { startedAt } };
  return { terminated: { exitCode: 0, reason: 'Completed', startedAt, finishedAt } };
}
