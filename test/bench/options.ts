import { parseArgs } from 'node:util';

/** The parts of the benchmark, in the order in which they run. */
export const sections = ['walk', 'restore', 'packets', 'conntrack', 'agent'] as const;

export type Section = (typeof sections)[number];

/** What one call of the benchmark shall do. */
export interface BenchOptions {
  readonly only: readonly Section[];
  /** Numbers of Services; undefined: what each section thinks useful. */
  readonly sizes: readonly number[] | undefined;
  /** The smallest size and few repetitions: says that everything runs, and nothing about speed. */
  readonly quick: boolean;
  /** Where the figures go as JSON, besides the tables. */
  readonly json: string | undefined;
}

/** A synthetic cluster has its ClusterIPs in a /16. */
const mostServices = 60_000;

/** @throws Error with words for the caller when the command line is wrong. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      sizes: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const only = values.only?.split(',').map(sectionOf) ?? sections;
  const sizes = values.sizes?.split(',').map(sizeOf) ?? (values.quick ? [1000] : undefined);
  return { only, sizes, quick: values.quick, json: values.json };
}

function sectionOf(name: string): Section {
  const found = sections.find((section) => section === name);
  if (found === undefined) throw new Error(`no such section: ${name}`);
  return found;
}

function sizeOf(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 10 && size <= mostServices) return size;
  throw new Error(`not a number of services from 10 to ${mostServices}: ${text}`);
}

export const usage = `Usage: npm run bench -- [flags]

  --only SECTION,...  walk     Snapshot to Plan, without any effect
                      restore  iptables-restore and -save, both variants
                      packets  the first packet of a connection
                      conntrack stale UDP entries
                      agent    the bundled program
  --sizes N,N,...     numbers of services (5 endpoints each)
  --quick             1,000 services, few repetitions: that everything runs
  --json FILE         the figures as JSON besides
  --help              this`;
