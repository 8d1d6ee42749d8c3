import type { Family } from '../model/address.ts';
import type { IptablesVariant } from './iptables-programs.ts';

/** Why the fake takes a text no further. Lines count from 1. */
export type FakeRefusal =
  /** The program cannot make sense of a line. `bare`: said without the program's name. */
  | { readonly kind: 'usage'; readonly line: number; readonly text: string; readonly bare?: boolean }
  /** The program finds that a line cannot be carried out; only nft says why. */
  | { readonly kind: 'line'; readonly line: number; readonly reason: string }
  /** The kernel refuses what the COMMIT in line `line` sends; only nft says what. */
  | { readonly kind: 'kernel'; readonly line: number; readonly faults: readonly KernelFault[] }
  | { readonly kind: 'plain'; readonly text: string };

/** One thing that the kernel does not take. */
export interface KernelFault {
  readonly line: number;
  /** `RULE_APPEND`, `CHAIN_DEL`. */
  readonly verb: string;
  readonly reason:
    | 'Invalid argument'
    | 'No such file or directory'
    | 'Too many links'
    | 'Device or resource busy';
  /** `rule in chain X`. */
  readonly what: string;
}

/** Carries a refusal out of the reading of a text. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: FakeRefusal;

  constructor(refusal: FakeRefusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

/** How `iptables-restore` 1.8.9 ends with this refusal: the texts of test/testdata/refusals. */
export function restoreAnswer(
  refusal: FakeRefusal,
  variant: IptablesVariant,
  family: Family,
): { readonly exitCode: number; readonly stderr: string } {
  const program = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-restore`;
  const banner = `${program} v1.8.9 (${variant === 'nft' ? 'nf_tables' : 'legacy'}): `;
  const { kind } = refusal;
  if (kind === 'plain') return { exitCode: 1, stderr: `${refusal.text.replace('PROGRAM', program)}\n` };
  if (kind === 'usage') {
    const text = refusal.text.replace('PROGRAM', program);
    const said = `${refusal.bare === true ? '' : banner}${text}\nError occurred at line: ${refusal.line}`;
    const hint = `Try \`${program} -h' or '${program} --help' for more information.`;
    return { exitCode: 2, stderr: `${said}\n${hint}\n` };
  }
  if (variant === 'legacy') return { exitCode: 1, stderr: `${program}: line ${refusal.line} failed\n` };
  if (kind === 'line')
    return { exitCode: 1, stderr: `${program}: line ${refusal.line} failed: ${refusal.reason}.\n` };
  const faults = refusal.faults.map(
    ({ line, verb, reason, what }) => `line ${line}: ${verb} failed (${reason}): ${what}\n`,
  );
  return { exitCode: 4, stderr: `${banner}\n${faults.join('')}` };
}
