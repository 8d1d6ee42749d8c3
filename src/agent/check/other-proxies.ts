import type { Config } from '../../config/defaults.ts';
import { NodeplaneError } from '../../errors.ts';
import { findProcesses } from '../../kernel/find-processes.ts';
import { readListeners } from '../../kernel/listeners.ts';
import { ask } from './door.ts';
import { askDoors, type DoorEyes, type DoorKeeper } from './doors.ts';

/** A program on this node that writes the same chains as we would. */
export interface OtherProxy {
  readonly kind: 'kube-proxy' | 'nodeplane';
  /** How it was noticed: `process 1234`, `http://127.0.0.1:10249`. Empty for a nodeplane that only its claim tells of. */
  readonly seen: readonly string[];
  /** `ipvs`, where it tells. */
  readonly mode: string | undefined;
}

/** The ways to notice one. */
export interface Eyes extends DoorEyes {
  /** Ids of processes in our network namespace. */
  readonly findProcesses: (name: string) => Promise<readonly number[]>;
}

export const machineEyes: Eyes = {
  ask,
  readListeners: () => readListeners(),
  findProcesses: (name) => findProcesses(name),
};

/**
 * Who writes chains of ours now. With a `serviceProxyName`, whatever it is, our chains have another prefix, and kube-proxy is expected beside
 * us. What a kube-proxy that has ended left in the kernel does not count: it is taken over.
 */
export async function otherProxies(
  { serving, routing }: Pick<Config, 'serving' | 'routing'>,
  eyes: Eyes = machineEyes,
): Promise<readonly OtherProxy[]> {
  const keepers = await askDoors(eyes, serving);
  const sameAsWe = ({ told }: DoorKeeper): boolean =>
    told !== undefined && (told.serviceProxyName !== undefined) === routing.besideKubeProxy;
  const ours = proxyOf(
    'nodeplane',
    [],
    keepers.filter((keeper) => keeper.kind === 'nodeplane' && sameAsWe(keeper)),
  );
  if (routing.besideKubeProxy) return ours;
  const processes = await eyes.findProcesses('kube-proxy');
  const theirs = proxyOf(
    'kube-proxy',
    processes,
    keepers.filter(({ kind }) => kind === 'kube-proxy'),
  );
  return [...theirs, ...ours];
}

/** One or none: several processes and doors are told as one. */
function proxyOf(
  kind: OtherProxy['kind'],
  processes: readonly number[],
  keepers: readonly DoorKeeper[],
): readonly OtherProxy[] {
  const seen = [...processes.map((id) => `process ${id}`), ...new Set(keepers.map(({ url }) => url))];
  if (seen.length === 0) return [];
  return [{ kind, seen, mode: keepers.find(({ mode }) => mode !== undefined)?.mode }];
}

/** The error that it means: `NP-CHECK-002`, `-003`. */
export function proxyError({ kind, seen, mode }: OtherProxy): NodeplaneError {
  const about = [...seen, ...(mode === undefined ? [] : [`mode ${mode}`])].join(', ');
  const parameters = { seen: about === '' ? '' : ` (${about})` };
  return new NodeplaneError(codes[kind], parameters);
}

const codes = { 'kube-proxy': 'NP-CHECK-002', nodeplane: 'NP-CHECK-003' } as const;
