import { writeFile } from 'node:fs/promises';
import { removeStaleFlows } from '../../src/agent/stale-flows.ts';
import { createUdpTable } from '../../src/kernel/conntrack.ts';
import { parseUdpLine } from '../../src/kernel/conntrack-line.ts';
import { exec } from '../../src/kernel/exec.ts';
import { stalenessOf, type UdpFrontends } from '../../src/routing/udp-flows.ts';
import { placeOf } from '../../src/routing/udp-fronts.ts';
import { medianOf, timed } from './figures.ts';
import { watchingLoop } from './loop.ts';

export interface ConntrackJob {
  readonly kind: 'conntrack';
  /** UDP entries in the table, the same number to each of 1,000 Services with two endpoints. */
  readonly entries: number;
  readonly runs: number;
}

/** Milliseconds from a change to the last stale entry gone: endpoints of so many Services are gone. */
export interface ConntrackFigures {
  readonly none: number;
  readonly one: number;
  readonly ten: number;
  /** Entries that `one` removed. */
  readonly removed: number;
  /** As `one`, by all entries as one text, read whole, whatever changed: kube-proxy's way, with the program. */
  readonly everything: number;
  /** For how long `everything` and `one` held the event loop at worst. */
  readonly everythingBlock: number;
  readonly oneBlock: number;
}

const services = 1000;
const timeoutMilliseconds = 120_000;

export async function measureConntrack({ entries, runs }: ConntrackJob): Promise<ConntrackFigures> {
  // Connection tracking begins with the first rule that needs it.
  const rule = ['-t', 'nat', '-A', 'OUTPUT', '-d', '192.0.2.1', '-j', 'DNAT', '--to', '192.0.2.2'] as const;
  await succeed(['xtables-legacy-multi', 'iptables', ...rule]);
  const measured: ConntrackFigures[] = [];
  for (let run = 0; run < runs; run += 1) measured.push(await measureOnce(entries));
  const median = (figure: keyof ConntrackFigures) => medianOf(measured.map((each) => each[figure]));
  return {
    none: median('none'),
    one: median('one'),
    ten: median('ten'),
    removed: median('removed'),
    everything: median('everything'),
    everythingBlock: median('everythingBlock'),
    oneBlock: median('oneBlock'),
  };
}

async function measureOnce(entries: number): Promise<ConntrackFigures> {
  await succeed(['conntrack', '-F']);
  // Not through standard input, which the program opens by a name that a socket does not have.
  await writeFile('/run/entries', lines(entries));
  await succeed(['conntrack', '-R', '/run/entries']);
  const none = await timed(() => clean(lookingAt([0], [1, 2])));
  const one = await watchingLoop(() => timed(() => clean(lookingAt([1], [2]))));
  const ten = await timed(() => clean(lookingAt(numbers(2, 12), [2])));
  const everything = await watchingLoop(() => timed(() => cleanByText(lookingAt([12], [2]))));
  return {
    none: none.ms,
    one: one.value.ms,
    ten: ten.ms,
    removed: one.value.value,
    everything: everything.value.ms,
    everythingBlock: everything.longestBlock,
    oneBlock: one.longestBlock,
  };
}

function* lines(entries: number): Generator<string> {
  for (let number = 0; number < entries; number += 1) {
    const service = number % services;
    const client = `10.128.${Math.floor(number / 60_000)}.1`;
    const port = 1024 + (number % 60_000);
    const pod = endpoint(service, 1 + (Math.floor(number / services) % 2));
    yield `-I -p udp -s ${client} -d ${vip(service)} --sport ${port} --dport 53 -r ${pod} -q ${client} --reply-port-src 5353 --reply-port-dst ${port} -t 3600\n`;
  }
}

function vip(service: number): string {
  return `10.96.${Math.floor(service / 250)}.${1 + (service % 250)}`;
}

function endpoint(service: number, which: number): string {
  return `10.${200 + which}.${Math.floor(service / 250)}.${1 + (service % 250)}`;
}

/** Services by number, and which of their two endpoints serve. */
function lookingAt(changed: readonly number[], serving: readonly number[]): UdpFrontends {
  const addresses = changed.map((service) => {
    const places = serving.map((which) => placeOf(endpoint(service, which), 5353));
    return [placeOf(vip(service), 53), new Set(places)] as const;
  });
  return { addresses: new Map(addresses), nodePorts: new Map(), isClaimed: () => false };
}

function numbers(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

async function clean(frontends: UdpFrontends): Promise<number> {
  const { entries, failure } = await removeStaleFlows({
    exec,
    family: 'IPv4',
    frontends: () => frontends,
    mayGoOn: () => true,
  });
  if (failure !== undefined) throw failure;
  return entries;
}

async function cleanByText(frontends: UdpFrontends): Promise<number> {
  const argv = ['conntrack', '-L', '-f', 'ipv4', '-p', 'udp'] as const;
  const { stdout } = await exec({ argv, timeoutMilliseconds });
  const flows = stdout.split('\n').flatMap((line) => parseUdpLine(line) ?? []);
  const [stale] = flows.filter((flow) => stalenessOf(frontends, flow) === 'stale');
  return stale === undefined ? 0 : createUdpTable({ exec, family: 'IPv4' }).remove(stale);
}

async function succeed(argv: readonly [string, ...string[]]): Promise<void> {
  const { exitCode, stderr } = await exec({ argv, timeoutMilliseconds, onStdout: () => undefined });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
}
