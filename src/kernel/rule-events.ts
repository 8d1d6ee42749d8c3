import type { Family } from '../model/address.ts';
import { besideNames, type ChainNames, firewall } from '../rules/iptables/names.ts';
import { builtinChains, type TableName, tableNames } from '../rules/iptables/objects.ts';

/** One transaction that somebody committed to nf_tables, as `xtables-monitor --event` (iptables 1.8) tells it. */
export interface RuleTransaction {
  readonly pid: number;
  /** The first 15 characters of the program's name: `iptables-nft-re`. */
  readonly process: string;
  /** Lines that told what it did; 0 when it was nothing that the monitor tells of, such as another family. */
  readonly events: number;
  /** Chains of ours that it touched. */
  readonly touched: readonly TouchedChain[];
}

export interface TouchedChain {
  readonly family: Family;
  readonly table: TableName;
  /** Undefined: the whole table. */
  readonly chain: string | undefined;
}

/** Of one transaction no more is remembered: a flush of everything has a line for each rule. */
const maxTouched = 64;

/**
 * Turns the monitor's text into transactions. Lines look like
 * ` EVENT: -4 -t nat -D KUBE-SERVICES -d 10.0.0.1/32 …`, ` EVENT: nft: DEL table: table nat ip …`, `NEWGEN: GENID=3 PID=71 NAME=nft`.
 * @param names those of our chains.
 * @param committed hears of each transaction when it is complete.
 * @returns takes text, cut anywhere.
 */
export function readRuleEvents(
  names: ChainNames,
  committed: (transaction: RuleTransaction) => void,
): (piece: string) => void {
  let rest = '';
  let touched = new Map<string, TouchedChain>();
  let events = 0;
  const line = (text: string): void => {
    const end = newGeneration.exec(text)?.groups;
    if (end === undefined) {
      events += 1;
      const chain = touched.size < maxTouched ? touchedBy(text, names) : undefined;
      if (chain !== undefined) touched.set(JSON.stringify(chain), chain);
      return;
    }
    const { pid, name: process = '' } = end;
    const transaction = { pid: Number(pid), process, events, touched: [...touched.values()] };
    touched = new Map();
    events = 0;
    committed(transaction);
  };
  return (piece) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const each of lines) line(each);
  };
}

const newGeneration = /^NEWGEN: GENID=\d+ PID=(?<pid>\d+) NAME=(?<name>.*)$/;
const ruleOrChain = /^ EVENT: -(?<version>[46]) -t (?<table>\S+) -(?<verb>[ADINX]) (?<chain>\S+)(?<rule>.*)$/;
const deletedTable = /^ EVENT: nft: DEL table: table (?<table>\S+) (?<family>ip6?) /;

/** The chain that the line tells of, when it is ours or when a rule that leads to us was taken out of a built-in one. */
function touchedBy(line: string, names: ChainNames): TouchedChain | undefined {
  const table = deletedTable.exec(line)?.groups;
  if (table !== undefined) return touchedIn(table['table'], table['family'] === 'ip6', undefined);
  const event = ruleOrChain.exec(line)?.groups;
  if (event === undefined) return undefined;
  const { chain = '', verb, rule = '' } = event;
  const found = touchedIn(event['table'], event['version'] === '6', chain);
  if (found === undefined) return undefined;
  if (names.isOwn(chain)) return found;
  // kube-proxy writes the same into it in each of its syncs, which is no news where it works.
  if (chain === firewall) return names === besideNames ? undefined : found;
  const target = / -[jg] (?<target>\S+)/.exec(rule)?.groups?.['target'] ?? '';
  const cutsOff = verb === 'D' && builtinChains[found.table].includes(chain);
  return cutsOff && (names.isOwn(target) || target === firewall) ? found : undefined;
}

function touchedIn(
  name: string | undefined,
  isIPv6: boolean,
  chain: string | undefined,
): TouchedChain | undefined {
  const table = tableNames.find((known) => known === name);
  return table === undefined ? undefined : { family: isIPv6 ? 'IPv6' : 'IPv4', table, chain };
}
