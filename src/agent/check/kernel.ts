import { NodeplaneError } from '../../errors.ts';
import type { Exec } from '../../kernel/exec.ts';
import type { IptablesPrograms } from '../../kernel/iptables-programs.ts';
import type { Family } from '../../model/address.ts';
import { createKernelDoor, type KernelDoor } from '../node-kernel.ts';
import type { NodeOptions } from '../options.ts';
import type { CheckFinding } from './finding.ts';
import { checkPrograms } from './tools.ts';

/** What a look at programs and kernel starts and asks. */
export interface Machine {
  readonly exec: Exec;
  readonly isInstalled: (program: string) => Promise<boolean>;
}

/**
 * Whether this node can run the rules: the programs are there, and the kernel lets each family be read and knows all that rules name. Writes
 * nothing.
 */
export async function checkKernel(
  { config }: Pick<NodeOptions, 'config'>,
  families: readonly Family[],
  { exec, isInstalled }: Machine,
): Promise<readonly CheckFinding[]> {
  const door = createKernelDoor({ exec, variant: config.iptablesVariant, mayChange: false });
  const { programs, findings } = await findPrograms(door);
  const needs = {
    variant: programs?.variant ?? config.iptablesVariant,
    programs,
    families,
    listsAddresses: config.routing.nodePortAddresses.kind !== 'all',
  };
  const lacks = await checkPrograms(needs, isInstalled);
  if (lacks.some(({ severity }) => severity === 'error')) return lacks;
  if (programs === undefined) return [...findings, ...lacks];
  return [...(await openAll(door, families)), ...lacks];
}

async function findPrograms(door: KernelDoor): Promise<{
  readonly programs: IptablesPrograms | undefined;
  readonly findings: readonly CheckFinding[];
}> {
  try {
    const { programs } = await door.variant();
    return { programs, findings: [] };
  } catch (thrown) {
    return { programs: undefined, findings: [finding(thrown)] };
  }
}

/** What keeps both families from being opened is told once. */
async function openAll(door: KernelDoor, families: readonly Family[]): Promise<readonly CheckFinding[]> {
  const found = new Map<string, CheckFinding>();
  for (const family of families) {
    try {
      await door.open(family);
    } catch (thrown) {
      const each = finding(thrown);
      const cause = each.error.message.replaceAll('ip6tables', 'iptables');
      if (!found.has(cause)) found.set(cause, each);
    }
  }
  return [...found.values()];
}

/** @throws what is no NodeplaneError */
function finding(thrown: unknown): CheckFinding {
  if (!(thrown instanceof NodeplaneError)) throw thrown;
  return { severity: 'error', error: thrown };
}
