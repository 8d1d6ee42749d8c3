import { exec } from '../kernel/exec.ts';
import { ensureRouteLocalnet } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import { checkNode } from './check/check.ts';
import { obstacle } from './check/finding.ts';
import { standAlone } from './check/stand-alone.ts';
import { type NodeKernel, openKernel } from './node-kernel.ts';
import type { Context, SourceOptions } from './options.ts';
import { readOnce } from './read-once.ts';
import { freshState, type Prepared, sync } from './sync.ts';

/** What one sync did to one family. */
export interface ApplyReport {
  readonly family: Family;
  /** Service ports that are programmed now. */
  readonly services: number;
  /** Chains written and deleted, and rules inserted; 0: nothing was to change. */
  readonly steps: number;
  /** Lines and bytes of the text that was sent. */
  readonly lines: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/**
 * One sync of every family. Reads the kernel, so that only what differs is written.
 * @throws NodeplaneError `NP-CHECK-*` when something stands in the way; nothing was changed then.
 */
export async function apply(options: SourceOptions, context: Context): Promise<readonly ApplyReport[]> {
  const standing = await standAlone(options.config, context);
  try {
    context.signal.throwIfAborted();
    return await applyAlone(options, context);
  } finally {
    await standing.release();
  }
}

async function applyAlone(options: SourceOptions, context: Context): Promise<readonly ApplyReport[]> {
  const { config } = options;
  const { snapshot, findings } = await readOnce(options);
  context.onFindings(findings);
  const variant = config.iptablesVariant;
  const kernel = await openKernel({ exec, variant, families: options.families, mayChange: true }).catch(
    async (thrown: unknown) => {
      throw (await allThatLacks(options, context)) ?? thrown;
    },
  );
  const { reason } = kernel.variant;
  context.log.debug({ variant: kernel.variant.variant, reason }, 'chose the iptables variant');
  const host = await kernel.facts(config.routing);
  const reports: ApplyReport[] = [];
  for (const { family, iptables, features } of kernel.families) {
    const started = performance.now();
    const input = { family, snapshot, settings: config.routing, host };
    const done = await sync(input, features, iptables, freshState);
    await settleNode(kernel, done);
    reports.push(reportOf(done, performance.now() - started));
  }
  return reports;
}

/** The first family that cannot be opened says nothing of the other, and one program nothing of the others. */
async function allThatLacks(
  { config, families }: SourceOptions,
  { signal }: Context,
): Promise<Error | undefined> {
  return obstacle(await checkNode({ config, families }, signal));
}

/** Settings of the kernel that rules rely on. */
export async function settleNode(
  kernel: Pick<NodeKernel, 'sysctls'>,
  { layout }: Pick<Prepared, 'layout'>,
): Promise<void> {
  if (layout.routes.node.nodePorts.onLoopback) await ensureRouteLocalnet(kernel.sysctls);
}

/** A sync in figures. */
function reportOf({ plan, layout }: Prepared, milliseconds: number): ApplyReport {
  return { family: plan.family, services: layout.routes.routes.size, ...plan.cost, milliseconds };
}
