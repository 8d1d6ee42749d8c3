import { addressWidth, type Family } from '../model/address.ts';
import type { Match, Rule } from '../rules/iptables/objects.ts';
import { readAddress } from '../rules/iptables/parse/parse-address.ts';
import { isExtensionTarget } from '../rules/iptables/parse/parse-target.ts';
import { splitWords } from '../rules/iptables/parse/parse-words.ts';

/** What `iptables-restore` itself, before any kernel, has against a rule. `bare`: it says so without its name. */
export interface UsageFault {
  readonly text: string;
  readonly bare?: boolean;
}

/** Where the rule is to stand. */
export interface RulePlace {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
}

/** The first thing that is wrong with the words of a rule, or undefined. Texts of iptables 1.8.9. */
export function usageFault(rule: Rule, place: RulePlace): UsageFault | undefined {
  const seen = new Set<string>();
  for (const match of rule.matches) {
    const fault = repeated(match, seen) ?? matchFault(match, seen, place);
    if (fault !== undefined) return fault;
    seen.add(optionOf(match));
  }
  return targetFault(rule, seen, place);
}

/** Options that may stand once in a rule. */
function optionOf(match: Match): string {
  if (match.kind === 'other') return /^(?:! )?(-[psdio]) /.exec(match.text)?.[1] ?? '';
  return onceOptions[match.kind] ?? '';
}

const onceOptions: Readonly<Partial<Record<Match['kind'], string>>> = {
  protocol: '-p',
  source: '-s',
  destination: '-d',
  'in-interface': '-i',
  'destination-ports': '--destination-port',
};

function repeated(match: Match, seen: ReadonlySet<string>): UsageFault | undefined {
  const option = optionOf(match);
  if (option === '' || !seen.has(option)) return undefined;
  const text = option.startsWith('--')
    ? `Only one \`${option}' allowed`
    : `multiple ${option} flags not allowed`;
  return { text };
}

function matchFault(
  match: Match,
  seen: ReadonlySet<string>,
  { family, chain }: RulePlace,
): UsageFault | undefined {
  if (match.kind === 'other') return otherFault(match.text, seen, family);
  if (match.kind === 'destination-ports' && !seen.has('-p')) return { text: 'unknown option "--dport"' };
  if (match.kind !== 'in-interface') return undefined;
  if (match.name.length > 15)
    return { text: `interface name \`${match.name}' must be shorter than IFNAMSIZ (15)` };
  return chain === 'OUTPUT' || chain === 'POSTROUTING' ? { text: `Can't use -i with ${chain}\n` } : undefined;
}

/** Matches of iptables 1.8, both families, beside those that nodeplane writes. */
const modules: ReadonlySet<string> = new Set(
  (
    'addrtype ah bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack cpu dccp devgroup dscp dst ecn esp eui64 ' +
    'frag hashlimit hbh helper hl icmp icmp6 icmpv6 ipcomp iprange ipv6header ipvs length limit mac mark mh multiport nfacct osf owner physdev ' +
    'pkttype policy quota rateest realm recent rpfilter rt sctp set socket srh standard state statistic string tcp tcpmss time tos ttl ' +
    'u32 udp'
  ).split(' '),
);

/** Values that a known module refuses; what it takes is left to be, unmodelled. */
const badValues: readonly (readonly [RegExp, string])[] = [
  [/^-m mark (?:! )?--mark \S+$/, 'mark: bad integer value for option "--mark", or out of range.\n'],
  [/^-m conntrack (?:! )?--ctstate (\S+)$/, 'Bad ctstate "$1"'],
  [
    /^-m statistic --mode random --probability \S+$/,
    'statistic: bad value for option "--probability", or out of range (0-1).\n',
  ],
  [/^-m comment$/, 'comment: option "--comment" must be specified\n'],
];

function otherFault(text: string, seen: ReadonlySet<string>, family: Family): UsageFault | undefined {
  const words = (splitWords(text) ?? []).filter((word) => word !== '!');
  const [option = '', value = ''] = words;
  if (option === '-m') {
    if (!modules.has(value)) return { text: `Couldn't load match \`${value}':No such file or directory\n` };
    const bad = badValues.find(([pattern]) => pattern.test(text));
    return bad === undefined ? undefined : { text: text.replace(...bad) };
  }
  if (option === '-s' || option === '-d') return addressFault(value, family);
  if (option === '--dport' && seen.has('-p')) return portFault(value);
  if (option.startsWith('--')) return { text: `unknown option "${option}"` };
  return option.startsWith('-') ? undefined : { text: `Bad argument \`${option}'`, bare: true };
}

function addressFault(text: string, family: Family): UsageFault | undefined {
  if (text.includes(',')) return undefined;
  const [address = '', mask = ''] = text.split('/');
  if (readAddress(address, family) === undefined) return { text: `host/network \`${address}' not found` };
  const length = Number(mask);
  const known = readAddress(mask, family) !== undefined || length <= addressWidth(family);
  return known ? undefined : { text: `invalid mask \`${mask}' specified` };
}

function portFault(text: string): UsageFault {
  const wrong = text.split(':').find((port) => !(Number(port) <= 65535));
  return {
    text:
      wrong === undefined ? 'invalid portrange (min > max)' : `invalid port/service \`${wrong}' specified`,
  };
}

function targetFault(
  { target }: Rule,
  seen: ReadonlySet<string>,
  { family, table }: RulePlace,
): UsageFault | undefined {
  if (target.kind === 'drop' && table === 'nat')
    return {
      text: '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n',
    };
  if (target.kind === 'dnat' && !seen.has('-p'))
    return { text: 'Need TCP, UDP, SCTP or DCCP with port specification' };
  return target.kind === 'other' ? otherTargetFault(target.text, family) : undefined;
}

const ownOptions: Readonly<Record<string, RegExp>> = {
  ACCEPT: /^$/,
  DROP: /^$/,
  RETURN: /^$/,
  REJECT: /^--reject-with$/,
  MARK: /^--(?:set-x?|and-|or-|xor-)mark$/,
  MASQUERADE: /^--(?:to-ports|random|random-fully)$/,
  DNAT: /^--(?:to-destination|random|persistent)$/,
};

function otherTargetFault(text: string, family: Family): UsageFault | undefined {
  const [name = '', ...words] = splitWords(text) ?? [];
  const known = ownOptions[name];
  const strange = words.find((word) => word.startsWith('--') && known?.test(word) !== true);
  if (!isExtensionTarget(name) || (known !== undefined && strange !== undefined))
    return { text: `unknown option "${strange ?? ''}"` };
  if (name === 'MARK')
    return { text: `MARK: bad value for option "${words[0] ?? ''}", or out of range (0-4294967295).\n` };
  if (name !== 'DNAT') return undefined;
  const to = words[1] ?? '';
  const port = /:(\d+)$/.exec(to.replace(/^\[.*\]/, ''))?.[1];
  if (family === 'IPv4' && /[[\]]|:.*:/.test(to)) return { text: 'Invalid address format' };
  const ipv4 = /^([\d.]+)(?::\d+)?$/.exec(to)?.[1];
  if (family === 'IPv6' && ipv4 !== undefined) return { text: `Bad IP address "${ipv4}"` };
  return port !== undefined && Number(port) > 65535 ? { text: `Port \`${port}' not valid` } : undefined;
}
