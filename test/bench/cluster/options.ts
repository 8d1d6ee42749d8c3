import { parseArgs } from 'node:util';
import type { IptablesVariant } from '../../../src/kernel/iptables-programs.ts';

/** What is measured, one after the other. */
export const proxies = ['kube-proxy', 'nodeplane'] as const;
export type ProxyName = (typeof proxies)[number];

/** What one call of the benchmark shall do. */
export interface ClusterBenchOptions {
  readonly variants: readonly IptablesVariant[];
  readonly proxies: readonly ProxyName[];
  /** Numbers of Services, ascending. */
  readonly sizes: readonly number[];
  /** Seconds of steady change. */
  readonly churnSeconds: number;
  /** Changes at rest. */
  readonly changes: number;
  /** Start and restart are given up after so many seconds. */
  readonly giveUpSeconds: number;
  /** Where the figures go as JSON, besides the tables. */
  readonly json: string | undefined;
}

/** The service network is a /16. */
const mostServices = 60_000;

const usual = { sizes: [1000, 10_000], churnSeconds: 60, changes: 20, giveUpSeconds: 120 };
const quick = { sizes: [200], churnSeconds: 5, changes: 3, giveUpSeconds: 60 };

/** @throws Error with words for the caller when the command line is wrong. */
export function readOptions(args: readonly string[]): ClusterBenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      sizes: { type: 'string' },
      'give-up': { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const only = values.only?.split(',') ?? [];
  const wrong = only.find((name) => ![...variants, ...proxies].some((known) => known === name));
  if (wrong !== undefined) throw new Error(`neither a mode nor a program: ${wrong}`);
  const defaults = values.quick ? quick : usual;
  return {
    ...defaults,
    variants: chosen(variants, only),
    proxies: chosen(proxies, only),
    sizes:
      values.sizes
        ?.split(',')
        .map(sizeOf)
        .toSorted((a, b) => a - b) ?? defaults.sizes,
    giveUpSeconds: values['give-up'] === undefined ? defaults.giveUpSeconds : secondsOf(values['give-up']),
    json: values.json,
  };
}

const variants: readonly IptablesVariant[] = ['legacy', 'nft'];

/** Those that are named; all, when none of them is. */
function chosen<Name extends string>(all: readonly Name[], named: readonly string[]): readonly Name[] {
  const some = all.filter((name) => named.includes(name));
  return some.length === 0 ? all : some;
}

function sizeOf(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 20 && size <= mostServices) return size;
  throw new Error(`not a number of services from 20 to ${mostServices}: ${text}`);
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (seconds > 0) return seconds;
  throw new Error(`not a number of seconds: ${text}`);
}

export const usage = `Usage: npm run bench:cluster -- [flags]

kube-proxy and nodeplane, one after the other, behind the same real API server: etcd, kube-apiserver and kube-proxy of
Kubernetes 1.36, built once from Go modules or taken from KUBEBUILDER_ASSETS. Needs root. Everything takes 15 to 25 minutes.

  --sizes N,N,...     numbers of Services, 5 endpoints each (1000,10000)
  --only NAME,...     legacy, nft: the mode; kube-proxy, nodeplane: the program
  --give-up SECONDS   what has not started by then is left alone (120)
  --quick             200 Services and seconds of change, under 2 minutes: that everything runs
  --json FILE         the figures as JSON besides
  --help              this`;
