import type { Config } from '../../config/defaults.ts';
import { NodeplaneError } from '../../errors.ts';
import { type IptablesPrograms, programArgv } from '../../kernel/iptables-programs.ts';
import { type Family, families } from '../../model/address.ts';
import type { CheckFinding } from './finding.ts';

/** Which programs the rules need here. */
export interface Needs {
  /** As the configuration has it, or as it was found. */
  readonly variant: Config['iptablesVariant'];
  /** How the programs are called; undefined: not known yet, any name will do. */
  readonly programs: IptablesPrograms | undefined;
  readonly families: readonly Family[];
  /** NodePorts answer on some addresses of the node only, and `ip` lists those. */
  readonly listsAddresses: boolean;
}

/** A program, or several of one kind, that is not there. */
interface Lack {
  readonly programs: string;
  readonly neededFor: string;
  readonly packages: Packages;
}

/** Names of the package by distribution. */
type Packages = Readonly<Record<'debian' | 'alpine' | 'rhel', string>>;

const iptablesPackages: Readonly<Record<Config['iptablesVariant'], Packages>> = {
  auto: { debian: 'iptables', alpine: 'iptables', rhel: 'iptables-nft' },
  nft: { debian: 'iptables', alpine: 'iptables', rhel: 'iptables-nft' },
  legacy: { debian: 'iptables', alpine: 'iptables-legacy', rhel: 'iptables-legacy' },
};
const iproute: Packages = { debian: 'iproute2', alpine: 'iproute2', rhel: 'iproute' };
const conntrackTools: Packages = {
  debian: 'conntrack',
  alpine: 'conntrack-tools',
  rhel: 'conntrack-tools',
};
const utilLinux: Packages = { debian: 'util-linux', alpine: 'setpriv', rhel: 'util-linux' };
const coreutils: Packages = { debian: 'coreutils', alpine: 'coreutils', rhel: 'coreutils' };

/** Looks for all programs by their names and starts none: what nothing works without is one finding, what is only missed another. */
export async function checkPrograms(
  needs: Needs,
  isInstalled: (program: string) => Promise<boolean>,
): Promise<readonly CheckFinding[]> {
  const missing = async (lack: Lack): Promise<readonly Lack[]> =>
    (await isInstalled(lack.programs)) ? [] : [lack];
  const address: Lack = { programs: 'ip', neededFor: addressUse(needs), packages: iproute };
  const addressLack = await missing(address);
  const needed = [...(await iptablesLacks(needs, isInstalled)), ...(needs.listsAddresses ? addressLack : [])];
  const missed = [...(needs.listsAddresses ? [] : addressLack)];
  for (const lack of helpful(needs)) missed.push(...(await missing(lack)));
  return [...findingOf('error', 'NP-CHECK-005', needed), ...findingOf('warning', 'NP-CHECK-006', missed)];
}

function addressUse({ listsAddresses }: Needs): string {
  return listsAddresses ? 'the addresses that accept NodePorts' : 'UDP flows to addresses of this node';
}

function helpful({ variant }: Needs): readonly Lack[] {
  const conntrack: Lack = {
    programs: 'conntrack',
    neededFor: 'UDP clients of endpoints that are gone',
    packages: conntrackTools,
  };
  const neededFor = 'noticing at once what others change in our rules';
  // iptables-legacy tells nobody of changes; they are looked for anyway.
  if (variant === 'legacy') return [conntrack];
  return [
    conntrack,
    { programs: 'setpriv', neededFor, packages: utilLinux },
    { programs: 'stdbuf', neededFor, packages: coreutils },
  ];
}

async function iptablesLacks(
  needs: Needs,
  isInstalled: (program: string) => Promise<boolean>,
): Promise<readonly Lack[]> {
  const { variant, programs } = needs;
  const packages = iptablesPackages[programs?.variant ?? variant];
  const lack = (names: readonly string[]): Lack => ({
    programs: names.join(', '),
    neededFor: 'rules',
    packages,
  });
  if (programs === undefined) {
    for (const name of anyName(variant)) if (await isInstalled(name)) return [];
    return [lack([variant === 'auto' ? 'iptables' : `iptables-${variant}`])];
  }
  const absent: string[] = [];
  for (const name of new Set(namesOf(programs, needs.families)))
    if (!(await isInstalled(name))) absent.push(name);
  return absent.length === 0 ? [] : [lack(absent)];
}

/** One of these is there where the variant is. */
function anyName(variant: Config['iptablesVariant']): readonly string[] {
  const variants = variant === 'auto' ? (['nft', 'legacy'] as const) : [variant];
  return [...variants.flatMap((each) => [`xtables-${each}-multi`, `iptables-${each}`]), 'iptables'];
}

function namesOf(programs: IptablesPrograms, served: readonly Family[]): readonly string[] {
  const wanted = families.filter((family) => served.includes(family));
  return wanted.flatMap((family) =>
    (['restore', 'save'] as const).map((program) => programArgv(programs, family, program)[0]),
  );
}

function findingOf(
  severity: CheckFinding['severity'],
  code: 'NP-CHECK-005' | 'NP-CHECK-006',
  lacks: readonly Lack[],
): readonly CheckFinding[] {
  if (lacks.length === 0) return [];
  const names = (distribution: keyof Packages): string =>
    [...new Set(lacks.map(({ packages }) => packages[distribution]))].join(' ');
  const parameters = {
    programs: lacks.map((lack) => `${lack.programs} (for ${lack.neededFor})`).join(', '),
    debian: names('debian'),
    alpine: names('alpine'),
    rhel: names('rhel'),
  };
  return [{ severity, error: new NodeplaneError(code, parameters) }];
}
