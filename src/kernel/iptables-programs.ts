import type { Family } from '../model/address.ts';

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
