import { messageLines } from './command-error.ts';
import type { CommandResult } from './exec.ts';

/** What an iptables program said when it failed. Lines are counted from 1. */
export type Refusal =
  | { readonly kind: 'permission' }
  | { readonly kind: 'lock-held' }
  | { readonly kind: 'lock-file'; readonly path: string; readonly reason: string }
  /** The table cannot be opened: no permission, or the kernel has none. Legacy's restore does not tell which. */
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'no-table'; readonly table: string | undefined }
  /** `reason` is empty where the program gives none, as legacy does for whatever the kernel refuses. */
  | { readonly kind: 'line'; readonly line: number; readonly reason: string }
  /** A rule jumps to a chain that does not exist; `line` is the COMMIT after it. */
  | { readonly kind: 'no-chain'; readonly line: number; readonly chain: string }
  | { readonly kind: 'other'; readonly reason: string };

interface Pattern {
  readonly text: RegExp;
  readonly read: (groups: Readonly<Record<string, string>>) => Refusal;
}

/**
 * Texts of iptables 1.8.9, seen by running it (test/testdata/refusals); the first that fits is meant.
 * What names a line comes before permissions: the kernel may say "Operation not permitted" about a single rule.
 * The exit status does not help: 4 is the lock in legacy, and every refusal by the kernel in nft.
 */
const patterns: readonly Pattern[] = [
  {
    text: /can't open lock file (?<path>\S+): (?<reason>.+)/,
    read: ({ path = '', reason = '' }) => ({ kind: 'lock-file', path, reason }),
  },
  { text: /holding the xtables lock|Can't lock \S+:/, read: () => ({ kind: 'lock-held' }) },
  {
    text: /unable to initialize table '(?<table>\S+)'/,
    read: ({ table = '' }) => ({ kind: 'table', table }),
  },
  {
    text: /Table does not exist|can't initialize ip6?tables table `(?<table>\S+)': (?!Permission)/,
    read: ({ table }) => ({ kind: 'no-table', table }),
  },
  // Said of a line, but about the process: nft, as root without CAP_NET_ADMIN.
  { text: /Permission denied \(you must be root\)/, read: () => ({ kind: 'permission' }) },
  {
    text: /Chain '(?<chain>\S+)' does not exist\s+Error occurred at line: (?<line>\d+)/,
    read: ({ line, chain = '' }) => ({ kind: 'no-chain', line: Number(line), chain }),
  },
  {
    text: /^line (?<line>[1-9]\d*): (?<verb>\w+) failed \((?<reason>.*?)\)/m,
    read: ({ line, verb = '', reason = '' }) => ({
      kind: 'line',
      line: Number(line),
      reason: `${reason} (${verb})`,
    }),
  },
  {
    text: /^(?:.*? v\S+ \(\w+\): )?(?<reason>.+?)\s+Error occurred at line: (?<line>\d+)/m,
    read: ({ line, reason = '' }) => ({ kind: 'line', line: Number(line), reason }),
  },
  {
    text: /line (?<line>\d+) failed(?:: (?<reason>.*?)\.?)?$/m,
    read: ({ line, reason }) => ({ kind: 'line', line: Number(line), reason: reason ?? '' }),
  },
  {
    text: /you must be root|Operation not permitted|Permission denied/,
    read: () => ({ kind: 'permission' }),
  },
];

/** Reads what the program wrote to standard error. */
export function readRefusal({ stderr, exitCode }: Pick<CommandResult, 'stderr' | 'exitCode'>): Refusal {
  for (const { text, read } of patterns) {
    const match = text.exec(stderr);
    if (match !== null) return read(match.groups ?? {});
  }
  const [reason = `exit code ${exitCode} without a message`, ...more] = messageLines(stderr);
  return { kind: 'other', reason: [reason, ...more.slice(0, 2)].join(' ') };
}

/**
 * Extensions (`recent`, `MASQUERADE`) that the programs know and the kernel does not. The programs ask it for each extension
 * that a line names, with `--test` too, and warn; legacy and nft alike.
 */
export function missingExtensions(stderr: string): readonly string[] {
  const found = stderr.matchAll(/Extension (\S+) revision \d+ not supported, missing kernel module/g);
  return [...new Set(Array.from(found, ([, name = '']) => name))];
}

/** Tables that iptables-nft-save left out, though with exit code 0, because native nftables rules stand in them. */
export function incompatibleTables(stdout: string): readonly string[] {
  return Array.from(stdout.matchAll(/^# Table `(\S+)' is incompatible/gm), ([, table = '']) => table);
}

/** `{variant, version}` of what `iptables --version` prints, or undefined. Before 1.8 there was only legacy, and no word for it. */
export function readVersion(
  stdout: string,
): { readonly variant: 'legacy' | 'nft'; readonly version: string } | undefined {
  const match = /^ip6?tables v(\S+)(?: \((\w+)\))?/.exec(stdout);
  if (match === null) return undefined;
  const [, version = '', backend] = match;
  return { version, variant: backend === 'nf_tables' ? 'nft' : 'legacy' };
}
