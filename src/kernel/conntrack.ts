import { NodeplaneError } from '../errors.ts';
import type { Family } from '../model/address.ts';
import type { UdpFlow } from '../routing/udp-flows.ts';
import { CommandError, messageLines } from './command-error.ts';
import { byLine, parseUdpLine } from './conntrack-line.ts';
import type { Command, CommandResult, Exec } from './exec.ts';

/** What entries must have; what is undefined may be anything. */
export type UdpFilter = Partial<UdpFlow>;

/** The UDP entries of one family, by the program `conntrack`: each call reads the whole table, half a second with 200,000 entries. */
export interface UdpTable {
  /** Calls `take` with each entry that passes the filter. */
  list(filter: UdpFilter, take: (flow: UdpFlow) => void): Promise<void>;
  /** Removes all that pass the filter. @returns how many. */
  remove(filter: UdpFilter): Promise<number>;
}

export interface UdpTableOptions {
  readonly exec: Exec;
  readonly family: Family;
  readonly abort?: AbortSignal | undefined;
}

/** All methods reject with NodeplaneError `NP-KERNEL-001` when the program is not there, else `NP-KERNEL-011`. */
export function createUdpTable(options: UdpTableOptions): UdpTable {
  return {
    list: (filter, take) => list(options, filter, take),
    remove: (filter) => remove(options, filter),
  };
}

async function list(
  options: UdpTableOptions,
  filter: UdpFilter,
  take: (flow: UdpFlow) => void,
): Promise<void> {
  const onStdout = byLine((line) => {
    const flow = parseUdpLine(line);
    if (flow !== undefined) take(flow);
  });
  const result = await conntrack(options, '-L', filter, onStdout);
  if (result.exitCode !== 0) throw failed('listed', result);
}

/** An entry that ends by itself while it is being removed ends conntrack 1.4.7 too, in the middle. */
const attempts = 5;
const vanished = /such conntrack doesn't exist|No such file or directory/;

async function remove(options: UdpTableOptions, filter: UdpFilter): Promise<number> {
  let removed = 0;
  for (let attempt = 1; ; attempt += 1) {
    // It prints what it removes, and tells the number only when it comes to the end.
    const onStdout = byLine((line) => {
      if (line.startsWith('udp')) removed += 1;
    });
    const result = await conntrack(options, '-D', filter, onStdout);
    // Nothing to remove is an exit code of 1.
    if (result.exitCode === 0 || /\b0 flow entries have been deleted/.test(result.stderr)) return removed;
    if (attempt >= attempts || !vanished.test(result.stderr)) throw failed('removed', result);
  }
}

const familyNames: Readonly<Record<Family, string>> = { IPv4: 'ipv4', IPv6: 'ipv6' };

function conntrack(
  { exec, family, abort }: UdpTableOptions,
  command: '-L' | '-D',
  { destination, port, replySource, replyPort }: UdpFilter,
  onStdout: (piece: string) => void,
): Promise<CommandResult> {
  const argv: Command['argv'] = [
    ...(['conntrack', command, '-f', familyNames[family], '-p', 'udp'] as const),
    ...flag('--orig-dst', destination),
    ...flag('--orig-port-dst', port),
    ...flag('--reply-src', replySource),
    ...flag('--reply-port-src', replyPort),
  ];
  return exec({ argv, timeoutMilliseconds: 60_000, onStdout, ...(abort === undefined ? {} : { abort }) });
}

function flag(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [name, String(value)];
}

function failed(what: 'listed' | 'removed', result: CommandResult): NodeplaneError {
  const cause = new CommandError(result);
  const said = messageLines(result.stderr)[0]?.replace(/^conntrack v\S+ \(conntrack-tools\): /, '');
  return new NodeplaneError('NP-KERNEL-011', { what, reason: said ?? silentEnd(result) }, cause);
}

/** Without addresses and seconds, so that the same failure reads the same each time. */
function silentEnd({ exitCode, signal, timedOut }: CommandResult): string {
  if (timedOut) return 'conntrack took too long';
  return `conntrack ended with ${signal ?? `exit code ${exitCode}`}`;
}
