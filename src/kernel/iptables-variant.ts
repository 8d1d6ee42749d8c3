import { NodeplaneError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import { type TableName, tableNames } from '../rules/iptables/objects.ts';
import type { Exec } from './exec.ts';
import { createIptables, type Iptables } from './iptables.ts';
import { findPrograms, type IptablesPrograms, type IptablesVariant } from './iptables-programs.ts';
import { existingTables } from './iptables-tables.ts';

const families: readonly Family[] = ['IPv4', 'IPv6'];

/** Which variant the rules go to, with the reason in words for the log, `status` and `doctor`. */
export interface VariantChoice {
  readonly variant: IptablesVariant;
  readonly programs: IptablesPrograms;
  readonly reason: string;
}

export interface VariantOptions {
  readonly exec: Exec;
  /** What the administrator asked for; `auto` looks. */
  readonly wanted: IptablesVariant | 'auto';
  /** Of the network namespace in which `exec` runs programs; default `/proc/net`, that of this process. */
  readonly procNet?: string;
}

/** What one variant holds, both families together. */
interface Holding {
  readonly chains: readonly string[];
  readonly rules: number;
}

/** Chains that kubelet keeps in the mangle table, to tell everybody else which variant it uses (KEP-3178). */
const kubeletChains = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'];

/**
 * Finds the variant as other components of a node do: where kubelet left its hint, nft first; else where rules of Kubernetes,
 * else most rules, are; else what plain `iptables` is; else nft. The two do not see each other's rules, and a packet
 * passes through both: to write into the other one than kubelet and the CNI plugin breaks a node in ways that are hard to find.
 * Legacy tables that are not loaded stay so.
 * @throws NodeplaneError `NP-KERNEL-001` when there are no programs, `NP-KERNEL-002` when rules may not be read.
 */
export async function chooseVariant(options: VariantOptions): Promise<VariantChoice> {
  const { exec, wanted } = options;
  const { programs, hostDefault } = await findPrograms(exec);
  const choose = (variant: IptablesVariant, reason: string): VariantChoice | undefined => {
    const found = programs.find((each) => each.variant === variant);
    return found === undefined ? undefined : { variant, programs: found, reason };
  };
  if (wanted !== 'auto') return choose(wanted, 'the configuration says so') ?? notInstalled(wanted);
  const [only, other] = programs;
  if (only !== undefined && other === undefined)
    return { variant: only.variant, programs: only, reason: 'no other variant is installed' };
  const found = (await lookAtHints(options, programs)) ?? (await lookAtRules(options, programs));
  const chosen = found === undefined ? undefined : choose(found.variant, found.reason);
  const byHost =
    hostDefault === undefined
      ? undefined
      : choose(hostDefault, 'plain iptables on this host is this variant');
  return chosen ?? byHost ?? choose('nft', 'nothing on this host speaks for either') ?? notInstalled('nft');
}

function notInstalled(variant: IptablesVariant): never {
  throw new NodeplaneError('NP-KERNEL-001', {
    program: `iptables-${variant}`,
    hint: '',
    package: 'iptables',
  });
}

type Finding = Pick<VariantChoice, 'variant' | 'reason'>;

async function lookAtHints(
  options: VariantOptions,
  installed: readonly IptablesPrograms[],
): Promise<Finding | undefined> {
  for (const programs of installed) {
    const { chains } = await look(options, programs, ['mangle']);
    const hint = kubeletChains.find((chain) => chains.includes(chain));
    if (hint !== undefined)
      return { variant: programs.variant, reason: `kubelet keeps its chain ${hint} there` };
  }
  return undefined;
}

async function lookAtRules(
  options: VariantOptions,
  installed: readonly IptablesPrograms[],
): Promise<Finding | undefined> {
  const seen: { variant: IptablesVariant; ours: number; rules: number }[] = [];
  for (const programs of installed) {
    const { chains, rules } = await look(options, programs, tableNames);
    const ours = chains.filter((chain) => chain.startsWith('KUBE-')).length;
    seen.push({ variant: programs.variant, ours, rules });
  }
  const [most, next] = seen.toSorted((a, b) => b.ours - a.ours || b.rules - a.rules);
  if (most === undefined || next === undefined) return undefined;
  const { variant, ours, rules } = most;
  if (ours > next.ours)
    return { variant, reason: `it holds ${ours} KUBE- chains, the other one ${next.ours}` };
  if (rules > next.rules) return { variant, reason: `it holds ${rules} rules, the other one ${next.rules}` };
  return undefined;
}

async function look(
  options: VariantOptions,
  programs: IptablesPrograms,
  tables: readonly TableName[],
): Promise<Holding> {
  let text = '';
  for (const family of families) {
    const existing = await existingTables(programs.variant, family, options.procNet);
    const asked = existing.filter((table) => tables.includes(table));
    text += await saveIfPossible(createIptables({ exec: options.exec, programs, family }), asked);
  }
  const chains = Array.from(text.matchAll(/^:(\S+)/gm), ([, chain = '']) => chain);
  return { chains, rules: text.match(/^-A /gm)?.length ?? 0 };
}

/** A variant whose kernel half is missing holds nothing. Only missing permission keeps us from knowing. */
async function saveIfPossible(iptables: Iptables, tables: readonly TableName[]): Promise<string> {
  try {
    return await iptables.save(tables);
  } catch (thrown) {
    if (thrown instanceof NodeplaneError && thrown.code !== 'NP-KERNEL-002') return '';
    throw thrown;
  }
}
