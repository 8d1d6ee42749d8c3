// Finds out by real connections what becomes of a packet, and whether that is what was expected.
import { addressPort } from '../../src/model/address.ts';
import type { DialResult, TrafficProtocol } from './actor.ts';
import type { EscapedPacket, Place, World } from './world.ts';

export interface Packet {
  readonly from: Place;
  /** Source addresses, taken in turn; the place's own when undefined. */
  readonly sources?: readonly string[];
  /** TCP when undefined. */
  readonly protocol?: TrafficProtocol;
  readonly to: string;
  readonly port: number;
}

export interface ExpectedEndpoint {
  readonly address: string;
  readonly port: number;
  /** An equal share when undefined. With 0 it must never answer. */
  readonly probability?: number;
}

export type Expectation =
  | {
      /** Answers come from these endpoints only, and from each of them. */
      readonly verdict: 'forward';
      readonly endpoints: readonly ExpectedEndpoint[];
      /** The endpoint sees an address of node-a instead of the source. A pod that reaches itself always does. */
      readonly masquerade: boolean;
      /** A source stays with the endpoint it got first. Each endpoint is waited for only where there are sources enough. */
      readonly sticky?: boolean;
    }
  /** Refused, by an ICMP error or a TCP reset. */
  | { readonly verdict: 'reject' }
  /** Ends at node-a without a word. */
  | { readonly verdict: 'drop' }
  /** Not touched: who owns the address answers or refuses himself; where nobody does, node-a sends the packet on unchanged. */
  | { readonly verdict: 'none' };

export interface Observation {
  readonly packet: Packet;
  readonly expected: Expectation;
  /** What is not as expected; undefined when all is. */
  readonly problem: string | undefined;
  /** Answers by endpoint, `address:port`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly dials: number;
}

export interface Question {
  readonly packet: Packet;
  readonly expected: Expectation;
}

/** Correct rules fail a whole question less often than once in so many times. */
const failureOdds = 1e9;
/** How often a packet is sent at least. */
const repeats = 3;
/** So many that an endpoint with half of the traffic that should have none goes unseen less often than once in ten million. */
const leastDials = 24;
/**
 * For what shall not be answered. An answer takes a millisecond or two, but a refusal of TCP over IPv6 takes a second: the ICMP
 * error is back before connect() has let go of the socket, is lost on it, and only that of the second SYN counts (Linux 6.18).
 */
const silenceMilliseconds = 400;
const silenceMillisecondsTcp6 = 1500;
/** For what shall be answered: long, because a busy machine is no wrong rule. */
const defaultPatienceMilliseconds = 5000;

/** All questions at the same time. Not twice at a time on one world, and not while rules change. */
export async function observe(
  world: World,
  questions: readonly Question[],
  patienceMilliseconds = defaultPatienceMilliseconds,
): Promise<readonly Observation[]> {
  await world.forgetEscaped();
  const addresses = await world.linkAddresses();
  const ownAddresses = addresses.get('node-a') ?? new Set();
  const owned = new Set([...addresses.values()].flatMap((each) => [...each]));
  const results = await Promise.all(
    questions.map(({ packet, expected }) =>
      expected.verdict === 'forward'
        ? dialUntilAllSeen(world, packet, expected, patienceMilliseconds)
        : dialSome(world, packet, expected, patienceMilliseconds),
    ),
  );
  const escaped = await world.escaped();
  return questions.map(({ packet, expected }, index) => {
    const dials = results[index] ?? [];
    const answers = count(dials.flatMap((dial) => endpointOf(dial) ?? []));
    const problem =
      expected.verdict === 'forward'
        ? forwardProblem(expected, dials, ownAddresses)
        : silenceProblem(packet, expected, dials, { escaped, owned: owned.has(packet.to) });
    return {
      packet,
      expected,
      answers,
      dials: dials.length,
      problem: problem && `${title(packet)}: ${problem}`,
    };
  });
}

/** Only what is not as expected, in words. */
export function problemsOf(observations: readonly Observation[]): readonly string[] {
  return observations.flatMap(({ problem }) => problem ?? []);
}

/** How many dials it takes to see an endpoint of the given probability for certain, as far as anything is. */
function dialsToSee(probability: number, endpoints: number): number {
  if (probability >= 1) return 1;
  return Math.ceil(Math.log(1 / (failureOdds * endpoints)) / Math.log(1 - probability));
}

type Forward = Extract<Expectation, { verdict: 'forward' }>;

async function dialUntilAllSeen(
  world: World,
  packet: Packet,
  expected: Forward,
  timeoutMilliseconds: number,
): Promise<readonly DialResult[]> {
  const shares = sharesOf(expected);
  const wanted = [...shares].flatMap(([endpoint, share]) => (share > 0 ? [endpoint] : []));
  const limit = dialsToSee(Math.min(...[...shares.values()].filter((share) => share > 0)), wanted.length);
  const dial = { ...packet, timeoutMilliseconds };
  if (expected.sticky)
    return world.dial(packet.from, { ...dial, count: (packet.sources?.length ?? 1) * repeats });
  const dials: DialResult[] = [];
  let next = Math.max(leastDials, 4 * wanted.length);
  do {
    dials.push(...(await world.dial(packet.from, { ...dial, count: next })));
    next = Math.min(dials.length, limit - dials.length);
  } while (
    next > 0 &&
    dials.every(isAnswered) &&
    !wanted.every((each) => dials.some((it) => endpointOf(it) === each))
  );
  return dials;
}

function dialSome(
  world: World,
  packet: Packet,
  { verdict }: Expectation,
  patience: number,
): Promise<readonly DialResult[]> {
  const slow = packet.to.includes(':') && packet.protocol !== 'UDP';
  const silence = slow ? silenceMillisecondsTcp6 : silenceMilliseconds;
  const timeoutMilliseconds = verdict === 'reject' ? patience : silence;
  const count = Math.max(repeats, packet.sources?.length ?? 0);
  return world.dial(packet.from, { ...packet, timeoutMilliseconds, count });
}

function forwardProblem(
  expected: Forward,
  dials: readonly DialResult[],
  ownAddresses: ReadonlySet<string>,
): string | undefined {
  const shares = sharesOf(expected);
  const wanted = [...shares].flatMap(([endpoint, share]) => (share > 0 ? [endpoint] : []));
  const seen = `expected answers from ${wanted.join(', ')}, got ${summary(dials)}`;
  if (!dials.every((dial) => wanted.includes(endpointOf(dial) ?? ''))) return seen;
  const sources = new Set(dials.map(({ from }) => from)).size;
  const enough = !expected.sticky || sources >= dialsToSee(Math.min(...shares.values()), wanted.length);
  if (enough && !wanted.every((each) => dials.some((dial) => endpointOf(dial) === each))) return seen;
  return (expected.sticky ? strayProblem(dials) : undefined) ?? sourceProblem(expected, dials, ownAddresses);
}

/** A source that came to more than one endpoint. */
function strayProblem(dials: readonly DialResult[]): string | undefined {
  const first = new Map<string, string | undefined>();
  for (const dial of dials) {
    const before = first.get(dial.from);
    const endpoint = endpointOf(dial);
    if (before === undefined) first.set(dial.from, endpoint);
    else if (before !== endpoint) return `${dial.from} came to ${before}, then to ${endpoint}`;
  }
  return undefined;
}

function sourceProblem(
  { masquerade }: Forward,
  dials: readonly DialResult[],
  ownAddresses: ReadonlySet<string>,
): string | undefined {
  for (const dial of dials) {
    if (dial.outcome !== 'answered') continue;
    const { from, source, address } = dial;
    // Of the node's own packets it cannot be told: the address that masquerading takes is the node's as well.
    if (ownAddresses.has(from) && ownAddresses.has(source)) continue;
    const hidden = masquerade || address === from;
    if (hidden ? !ownAddresses.has(source) : source !== from) {
      const wish = hidden ? 'an address of node-a' : 'the same';
      return `${endpointOf(dial)} saw ${source} as the source of a packet from ${from}, expected ${wish}`;
    }
  }
  return undefined;
}

function silenceProblem(
  packet: Packet,
  { verdict }: Expectation,
  dials: readonly DialResult[],
  { escaped, owned }: { readonly escaped: readonly EscapedPacket[]; readonly owned: boolean },
): string | undefined {
  const { to, port, protocol = 'TCP' } = packet;
  const left = (from: string) =>
    escaped.some((it) => it.source === from && it.to === to && it.port === port && it.protocol === protocol);
  const fits = (dial: DialResult): boolean => {
    if (verdict === 'reject') return dial.outcome === 'refused';
    if (verdict === 'drop') return dial.outcome === 'timeout' && !left(dial.from);
    if (dial.outcome === 'timeout') return left(dial.from);
    return owned && (dial.outcome === 'refused' || endpointOf(dial) === addressPort(to, port));
  };
  if (dials.every(fits)) return undefined;
  const travelled = dials.some(({ from }) => left(from)) ? ', and it left node-a unchanged' : '';
  return `expected ${verdict}, got ${summary(dials)}${travelled}`;
}

function sharesOf({ endpoints }: Forward): ReadonlyMap<string, number> {
  return new Map(
    endpoints.map(({ address, port, probability = 1 / endpoints.length }) => [
      addressPort(address, port),
      probability,
    ]),
  );
}

function isAnswered({ outcome }: DialResult): boolean {
  return outcome === 'answered';
}

function endpointOf(dial: DialResult): string | undefined {
  return dial.outcome === 'answered' ? addressPort(dial.address, dial.port) : undefined;
}

/** `10.244.1.11:80 ×12, timeout ×1`. */
function summary(dials: readonly DialResult[]): string {
  const words = dials.map((dial) => endpointOf(dial) ?? ('code' in dial ? dial.code : dial.outcome));
  return Object.entries(count(words))
    .map(([word, times]) => `${word} ×${times}`)
    .join(', ');
}

function count(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function title({ from, to, port, protocol = 'TCP' }: Packet): string {
  return `${from} to ${addressPort(to, port)}/${protocol.toLowerCase()}`;
}
