import type { ErrorCode } from '../../src/errors.ts';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import type { Line } from '../../src/rules/plan.ts';

/** What nodeplane makes of a refusal: its code and, for a refused line, number and reason. */
export interface Told {
  readonly code: ErrorCode;
  readonly line?: number;
  readonly says?: string;
}

/** Input that the programs or the kernel refuse. */
export interface RefusalCase extends Readonly<Record<IptablesVariant, Told>> {
  readonly name: string;
  readonly lines: readonly Line[];
}

/** Lines of the text. A line about a service has it after two slashes. */
function lines(text: string): readonly Line[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' // '))
    .map(([rule = '', service]) => ({ text: rule, service }));
}

function refused(line: number, says: string): Told {
  return { code: 'NP-KERNEL-004', line, says };
}

const silent = 'there is no such chain';
const anyRule = 'the kernel refused a rule of the nat table, and iptables-legacy does not say which';

/** Each was run on iptables 1.8.9 with Linux 6.18, both variants, both families: the texts differ in the program's name only. */
export const refusalCases: readonly RefusalCase[] = [
  {
    name: 'a rule for a chain that does not exist',
    lines: lines('*nat\n-A NOPE -j ACCEPT // ns/svc:p/tcp\nCOMMIT'),
    legacy: refused(2, `(service ns/svc:p/tcp): ${silent}: -A NOPE -j ACCEPT`),
    nft: refused(2, '(service ns/svc:p/tcp): No chain/target/match by that name: -A NOPE'),
  },
  {
    name: 'a jump to a chain that does not exist, in the second table',
    lines: lines(`*filter\n:A - [0:0]\nCOMMIT
      *nat\n:A - [0:0]\n-A A -j ACCEPT // ns/good:p/tcp\n-A A -j NOPE // ns/bad:p/tcp\nCOMMIT`),
    legacy: refused(7, "(service ns/bad:p/tcp): Couldn't load target `NOPE'"),
    nft: refused(7, '(service ns/bad:p/tcp): there is no chain NOPE: -A A -j NOPE'),
  },
  {
    name: 'an option that does not exist',
    lines: lines('*nat\n:A - [0:0]\n-A A -j MASQUERADE --wibble // ns/svc:p/tcp\nCOMMIT'),
    legacy: refused(3, '(service ns/svc:p/tcp): unknown option "--wibble": -A A'),
    nft: refused(3, '(service ns/svc:p/tcp): unknown option "--wibble": -A A'),
  },
  {
    name: 'a match that the programs do not know',
    lines: lines('*nat\n:A - [0:0]\n-A A -m wibble -j ACCEPT // ns/svc:p/tcp\nCOMMIT'),
    legacy: refused(3, "Couldn't load match `wibble':No such file or directory"),
    nft: refused(3, "Couldn't load match `wibble':No such file or directory"),
  },
  {
    name: 'a match that the kernel does not know',
    lines: lines('*nat\n:A - [0:0]\n-A A -m ipvs --ipvs // ns/svc:p/tcp\nCOMMIT'),
    legacy: { code: 'NP-KERNEL-005', line: 4, says: 'lacks the match or target ipvs' },
    nft: { code: 'NP-KERNEL-005', line: 3, says: '(service ns/svc:p/tcp)' },
  },
  {
    name: 'a target that the table does not allow',
    lines: lines('*nat\n:A - [0:0]\n-A A -j REJECT // ns/svc:p/tcp\nCOMMIT'),
    legacy: refused(4, anyRule),
    nft: refused(3, '(service ns/svc:p/tcp): Invalid argument (RULE_APPEND): -A A -j REJECT'),
  },
  {
    name: 'a counter of nfacct that does not exist',
    lines: lines('*nat\n:A - [0:0]\n-A A -m nfacct --nfacct-name nope\nCOMMIT'),
    legacy: refused(4, anyRule),
    nft: refused(3, 'No such file or directory (RULE_APPEND)'),
  },
  {
    name: 'chains that jump in a circle',
    lines: lines('*nat\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -j A\n-A OUTPUT -j A\nCOMMIT'),
    legacy: refused(7, anyRule),
    nft: refused(6, 'Too many links (RULE_APPEND)'),
  },
  {
    name: 'deleting a chain that a rule jumps to',
    lines: lines('*nat\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-X B // ns/svc:p/tcp\nCOMMIT'),
    legacy: refused(
      5,
      '(service ns/svc:p/tcp): there is no such chain, or it holds rules, or a rule jumps to it',
    ),
    nft: refused(5, '(service ns/svc:p/tcp): Device or resource busy (CHAIN_DEL)'),
  },
  {
    name: 'deleting a chain that does not exist',
    lines: lines('*nat\n-X NOPE\nCOMMIT'),
    legacy: refused(2, 'there is no such chain, or'),
    nft: refused(2, 'No chain/target/match by that name'),
  },
  {
    name: 'deleting a rule that does not exist',
    lines: lines('*nat\n:A - [0:0]\n-D A -j ACCEPT\nCOMMIT'),
    legacy: refused(3, 'there is no such rule'),
    nft: refused(3, 'Bad rule (does a matching rule exist in that chain?)'),
  },
  {
    name: 'an address that is none',
    lines: lines('*nat\n:A - [0:0]\n-A A -d nowhere.invalid -j ACCEPT\nCOMMIT'),
    legacy: refused(3, "host/network `nowhere.invalid' not found"),
    nft: refused(3, "host/network `nowhere.invalid' not found"),
  },
  {
    name: 'a chain name that is too long',
    lines: lines('*nat\n:KUBE-SERVICES-AND-MORE-THAN-THAT - [0:0]\nCOMMIT'),
    legacy: refused(2, 'Invalid chain name'),
    nft: refused(2, 'too long (must be under 29 chars)'),
  },
  {
    name: 'a line that is none',
    lines: lines('*nat\nhello\nCOMMIT'),
    legacy: refused(2, "Bad argument `hello'"),
    nft: refused(2, "Bad argument `hello'"),
  },
  {
    name: 'a table without COMMIT',
    lines: lines('*nat\n:A - [0:0]'),
    legacy: { code: 'NP-KERNEL-007', says: 'COMMIT expected at line 3' },
    nft: { code: 'NP-KERNEL-007', says: 'COMMIT expected at line 3' },
  },
];
