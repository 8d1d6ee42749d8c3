import { NodeplaneError } from '../errors.ts';
import type { IptablesFeatures } from '../rules/iptables/features.ts';
import type { TableName } from '../rules/iptables/objects.ts';
import type { Line } from '../rules/plan.ts';
import type { Exec } from './exec.ts';
import type { Iptables } from './iptables.ts';
import { canHaveCounters, ensureCounters } from './nfacct.ts';
import { nfacct, type Probe, probes, randomFully, recent, sctp } from './probes.ts';
import { RestoreError } from './restore-error.ts';

/** What a host can do with rules of one family. */
export interface ProbedFeatures {
  readonly features: IptablesFeatures;
  /** What no rules can do without and the host lacks; empty on a usable host. */
  readonly missing: readonly Probe[];
}

export interface ProbeOptions {
  readonly exec: Exec;
  readonly iptables: Iptables;
  /**
   * Whether nfacct counters that do not exist are created. Without that (`diff`, `render`) nothing on the host changes,
   * and `nfacct` says whether they could be.
   */
  readonly mayCreateCounters: boolean;
}

/**
 * Asks the programs and the kernel for all that rules may name, with as many test runs as things are missing, plus one.
 * A test run asks the kernel whether an extension exists, and nothing else: not whether it accepts the rule. So
 * `nfacct` is asked about its counters separately, and what is left shows at the first real restore, as a refused line.
 * The answer holds as long as the programs and modules of the host stay the same.
 * @throws RestoreError as a restore does, other than for what is missing.
 */
export async function probeFeatures({
  exec,
  iptables,
  mayCreateCounters,
}: ProbeOptions): Promise<ProbedFeatures> {
  const lacking = await findLacking(iptables, probes, []);
  const hasMatch = !lacking.includes(nfacct);
  const hasCounters = hasMatch && (await (mayCreateCounters ? ensureCounters(exec) : canHaveCounters(exec)));
  return {
    features: {
      randomFully: !lacking.includes(randomFully),
      nfacct: hasCounters,
      recent: !lacking.includes(recent),
      sctp: !lacking.includes(sctp),
    },
    missing: lacking.filter(({ required }) => required),
  };
}

/** The error for the first thing that no rules can do without, or undefined. */
export function missingError({ missing }: ProbedFeatures, program: string): NodeplaneError | undefined {
  const [probe] = missing;
  if (probe === undefined) return undefined;
  const what = `the match or target ${probe.name} (needed for ${probe.neededFor})`;
  return new NodeplaneError('NP-KERNEL-005', { program, what, module: `xt_${probe.name}`, service: '' });
}

/** Tests all that is left; an extension that the kernel lacks is a warning, one that the programs lack ends the run at its line. */
async function findLacking(
  iptables: Iptables,
  asked: readonly Probe[],
  found: readonly Probe[],
): Promise<readonly Probe[]> {
  try {
    const unknown = await iptables.test(probeLines(asked));
    return [...found, ...asked.filter((probe) => unknown.includes(probe.name))];
  } catch (thrown) {
    const culprit = asked.find((probe) => thrown instanceof RestoreError && isAbout(thrown, probe));
    if (culprit === undefined) throw thrown;
    const rest = asked.filter((probe) => probe !== culprit);
    return findLacking(iptables, rest, [...found, culprit]);
  }
}

const chain = 'NODEPLANE-PROBE';

/**
 * All in one table, wherever they are used: which extensions a table takes the kernel says only when something is applied. Of the tables that
 * we use anyway, mangle has the fewest rules, and legacy copies the whole table for a test.
 */
const probedTable: TableName = 'mangle';

function probeLines(asked: readonly Probe[]): readonly Line[] {
  const texts = [`*${probedTable}`, `:${chain} - [0:0]`, ...asked.map(ruleText), 'COMMIT'];
  return texts.map((text) => ({ text, service: undefined }));
}

function ruleText({ rule }: Probe): string {
  return `-A ${chain} ${rule}`;
}

function isAbout({ refused }: RestoreError, probe: Probe): boolean {
  return refused?.text === ruleText(probe);
}
