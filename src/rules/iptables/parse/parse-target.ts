import type { Family } from '../../../model/address.ts';
import type { Target } from '../objects.ts';
import { readAddressPort } from './parse-address.ts';
import { type Cursor, moreOptions, next, readNumber } from './parse-modules.ts';

type TargetReader = (cursor: Cursor, family: Family) => Target | undefined;

/** What stands behind `-j`, when nodeplane writes it too; undefined for other targets and other options of ours. */
export function readOwnTarget(name: string, cursor: Cursor, family: Family): Target | undefined {
  const target = ownTargets.get(name)?.(cursor, family);
  return moreOptions(cursor) ? undefined : target;
}

/** Whether a target without options is an extension and not the name of a chain. */
export function isExtensionTarget(name: string): boolean {
  return ownTargets.has(name) || extensionTargets.has(name);
}

/** Targets of iptables 1.8 (iptables-extensions(8)) that work without options. */
const extensionTargets: ReadonlySet<string> = new Set(
  (
    'AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG NETMAP NFLOG NFQUEUE ' +
    'NOTRACK QUEUE RATEEST REDIRECT SECMARK SET SNAT SNPT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG'
  ).split(' '),
);

const ownTargets: ReadonlyMap<string, TargetReader> = new Map<string, TargetReader>([
  ['ACCEPT', () => ({ kind: 'accept' })],
  ['DROP', () => ({ kind: 'drop' })],
  ['RETURN', () => ({ kind: 'return' })],
  ['REJECT', readReject],
  ['MARK', readMarkTarget],
  ['MASQUERADE', readMasquerade],
  ['DNAT', readDnat],
]);

function readReject(cursor: Cursor, family: Family): Target | undefined {
  if (cursor.words[cursor.at] !== '--reject-with') return { kind: 'reject' };
  cursor.at++;
  const plain = family === 'IPv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
  return next(cursor) === plain ? { kind: 'reject' } : undefined;
}

/** The five spellings of xt_MARK; all of them are `(mark & ~clear) ^ flip`. */
function readMarkTarget(cursor: Cursor): Target | undefined {
  const option = next(cursor);
  const [first = '', second] = next(cursor).split('/');
  const value = readNumber(first);
  const mask = second === undefined ? 0xffffffff : readNumber(second);
  if (value === undefined || mask === undefined) return undefined;
  if (option === '--set-xmark') return { kind: 'mark', clear: mask, flip: value };
  if (option === '--set-mark') return { kind: 'mark', clear: (value | mask) >>> 0, flip: value };
  if (second !== undefined) return undefined;
  if (option === '--or-mark') return { kind: 'mark', clear: value, flip: value };
  if (option === '--xor-mark') return { kind: 'mark', clear: 0, flip: value };
  if (option === '--and-mark') return { kind: 'mark', clear: ~value >>> 0, flip: 0 };
  return undefined;
}

function readMasquerade(cursor: Cursor): Target {
  const fullyRandom = cursor.words[cursor.at] === '--random-fully';
  if (fullyRandom) cursor.at++;
  return { kind: 'masquerade', fullyRandom };
}

function readDnat(cursor: Cursor, family: Family): Target | undefined {
  if (next(cursor) !== '--to-destination') return undefined;
  const to = readAddressPort(next(cursor), family);
  return to === undefined ? undefined : { kind: 'dnat', ...to };
}
