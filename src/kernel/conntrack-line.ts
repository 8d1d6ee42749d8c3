import type { UdpFlow } from '../routing/udp-flows.ts';

/**
 * Both tuples of a line of `conntrack -L`, whatever stands around and between them (zones, counters, states):
 * `udp 17 29 src=10.1.0.9 dst=10.0.0.1 sport=4000 dport=53 [UNREPLIED] src=10.1.0.2 dst=10.1.0.9 sport=5353 dport=4000 mark=0 use=1`.
 */
const tuples =
  /^udp\b.*? src=\S+ dst=(\S+) sport=\d+ dport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+) dport=\d+/;

/** Undefined for a line that is no UDP entry. */
export function parseUdpLine(line: string): UdpFlow | undefined {
  const found = tuples.exec(line);
  if (found === null) return undefined;
  const [, destination = '', port, replySource = '', replyPort] = found;
  return { destination, port: Number(port), replySource, replyPort: Number(replyPort) };
}

/** Calls `take` with each line of a text that comes in pieces; an unfinished last line is left out. */
export function byLine(take: (line: string) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    const lines = `${rest}${piece}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  };
}
