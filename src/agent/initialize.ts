import { cpus } from 'node:os';
import { toError } from '../errors.ts';
import { applyConntrackSettings } from '../kernel/conntrack-settings.ts';
import { supportedFamilies } from '../kernel/families.ts';
import { createSysctls, ensureRouteLocalnet, type Sysctls } from '../kernel/sysctl.ts';
import { decideNode } from '../routing/node.ts';
import type { RoutingSettings } from '../routing/settings.ts';
import { type CheckOptions, checkNode } from './check/check.ts';
import { isObstacle, obstacle, tellFindings } from './check/finding.ts';
import { standAlone } from './check/stand-alone.ts';
import type { Context, NodeOptions } from './options.ts';

/** What was changed: `net/netfilter/nf_conntrack_max` = 131072. */
export interface InitializeReport {
  readonly changed: readonly { readonly setting: string; readonly value: number }[];
}

export interface InitializeHost {
  readonly sysctls: Sysctls;
  /** Parameters of the module nf_conntrack. */
  readonly parameters: Sysctls;
  readonly cpus: number;
}

/**
 * {@link setKernel}, when nothing stands in the way of the agent that comes after it.
 * @throws NodeplaneError `NP-CHECK-*`, `NP-KERNEL-*`, `NP-API-*` when something does; nothing was changed then.
 */
export async function initialize(options: CheckOptions, context: Context): Promise<InitializeReport> {
  const { log, signal } = context;
  const standing = await standAlone(options.config, context);
  try {
    signal.throwIfAborted();
    const findings = await checkNode(options, signal);
    tellFindings(
      findings.filter((finding) => !isObstacle(finding)),
      log,
    );
    const error = obstacle(findings);
    if (error !== undefined) throw error;
    return await setKernel(options, context);
  } finally {
    await standing.release();
  }
}

/**
 * Sets what needs full privileges: the settings of connection tracking, and that NodePorts may answer on 127.0.0.1. All are tried.
 * @throws NodeplaneError `NP-KERNEL-008` when one could not be set; the log names the others.
 */
export async function setKernel(
  { config, families }: NodeOptions,
  { log }: Context,
  host: InitializeHost = machine(),
): Promise<InitializeReport> {
  const changed: { setting: string; value: number }[] = [];
  const record = (setting: string, value: number): void => {
    changed.push({ setting, value });
  };
  const sysctls = recording(host.sysctls, record);
  const parameters = recording(host.parameters, record);
  const errors = [...(await applyConntrackSettings(config.conntrack, { ...host, sysctls, parameters }))];
  const served = families ?? (await supportedFamilies(sysctls));
  if (served.includes('IPv4') && answersOnLoopback(config.routing)) {
    await ensureRouteLocalnet(sysctls).catch((thrown: unknown) => errors.push(toError(thrown)));
  }
  for (const { setting, value } of changed) log.debug({ setting, value }, 'changed a setting of the kernel');
  const [first, ...others] = errors;
  for (const err of others) log.error({ err }, 'a setting of the kernel could not be changed');
  if (first !== undefined) throw first;
  return { changed };
}

function machine(): InitializeHost {
  const parameters = createSysctls('/sys/module/nf_conntrack/parameters');
  return { sysctls: createSysctls(), parameters, cpus: cpus().length };
}

/** Which addresses the node has does not matter for that: `primary` is no loopback address once the Node is known. */
function answersOnLoopback(settings: RoutingSettings): boolean {
  if (settings.nodePortAddresses.kind === 'primary') return false;
  const host = { addresses: [], conntrackTcpBeLiberal: false };
  return decideNode('IPv4', settings, host, undefined).nodePorts.onLoopback;
}

function recording(sysctls: Sysctls, record: (setting: string, value: number) => void): Sysctls {
  const recorded = async (change: Promise<boolean>, name: string, value: number): Promise<boolean> => {
    const changed = await change;
    if (changed) record(name, value);
    return changed;
  };
  return {
    read: (name) => sysctls.read(name),
    set: (name, value) => recorded(sysctls.set(name, value), name, value),
    raise: (name, value) => recorded(sysctls.raise(name, value), name, value),
  };
}
