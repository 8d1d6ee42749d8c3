import { NodeplaneError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import type { Exec } from './exec.ts';
import { readVersion } from './iptables-errors.ts';

/** Which half of the kernel the programs talk to: x_tables (`legacy`) or nf_tables (`nft`). */
export type IptablesVariant = 'legacy' | 'nft';

export const iptablesVariants: readonly IptablesVariant[] = ['nft', 'legacy'];

/** How the programs of one variant are called on this host. */
export interface IptablesPrograms {
  readonly variant: IptablesVariant;
  /** `multi`: `xtables-nft-multi iptables-save` · `suffixed`: `iptables-nft-save` · `plain`: `iptables-save`, the host's default. */
  readonly naming: 'multi' | 'suffixed' | 'plain';
  /** As `iptables --version` prints it, `1.8.9`. */
  readonly version: string;
}

/** The three programs of each variant and family; `''` is the plain `iptables`. */
export type IptablesProgram = '' | 'restore' | 'save';

/** The beginning of argv for a program: `['xtables-nft-multi', 'ip6tables-restore']`. */
export function programArgv(
  { naming, variant }: Pick<IptablesPrograms, 'naming' | 'variant'>,
  family: Family,
  program: IptablesProgram,
): readonly [string, ...string[]] {
  const prefix = family === 'IPv4' ? 'iptables' : 'ip6tables';
  const suffix = program === '' ? '' : `-${program}`;
  if (naming === 'multi') return [`xtables-${variant}-multi`, `${prefix}${suffix}`];
  return naming === 'suffixed' ? [`${prefix}-${variant}${suffix}`] : [`${prefix}${suffix}`];
}

/** What people call it: `ip6tables-restore (nft)`. */
export function programName(variant: IptablesVariant, family: Family, program: IptablesProgram): string {
  return `${programArgv({ variant, naming: 'plain' }, family, program)[0]} (${variant})`;
}

/** What is installed: the programs of each variant, and which of the two the host means by plain `iptables`. */
export interface InstalledIptables {
  readonly programs: readonly IptablesPrograms[];
  readonly hostDefault: IptablesVariant | undefined;
}

/**
 * Asks every name for its version. By-name programs come first: in a container, plain `iptables` may be a wrapper
 * that rewrites its own links.
 * @throws NodeplaneError `NP-KERNEL-001` when there are none.
 */
export async function findPrograms(exec: Exec): Promise<InstalledIptables> {
  const byName = await Promise.all(iptablesVariants.map((variant) => findVariant(exec, variant)));
  const programs = byName.filter((found) => found !== undefined);
  const plain = await askVersion(exec, { variant: 'nft', naming: 'plain' });
  if (plain === undefined) {
    if (programs.length === 0) throw new NodeplaneError('NP-KERNEL-001', noPrograms);
    return { programs, hostDefault: undefined };
  }
  const isKnown = programs.some(({ variant }) => variant === plain.variant);
  return { programs: isKnown ? programs : [...programs, plain], hostDefault: plain.variant };
}

const noPrograms = { program: 'iptables', hint: ', under this or any other name', package: 'iptables' };

async function findVariant(exec: Exec, variant: IptablesVariant): Promise<IptablesPrograms | undefined> {
  const multi = await askVersion(exec, { variant, naming: 'multi' });
  const found = multi ?? (await askVersion(exec, { variant, naming: 'suffixed' }));
  return found?.variant === variant ? found : undefined;
}

/** The programs with the variant and version that they claim; undefined when they are not there or do not answer. */
async function askVersion(
  exec: Exec,
  call: Pick<IptablesPrograms, 'variant' | 'naming'>,
): Promise<IptablesPrograms | undefined> {
  const argv = [...programArgv(call, 'IPv4', ''), '--version'] as const;
  try {
    const { exitCode, stdout } = await exec({ argv, timeoutMilliseconds: 10_000 });
    const version = exitCode === 0 ? readVersion(stdout) : undefined;
    return version === undefined ? undefined : { naming: call.naming, ...version };
  } catch (thrown) {
    if (thrown instanceof NodeplaneError && thrown.code === 'NP-KERNEL-001') return undefined;
    throw thrown;
  }
}
