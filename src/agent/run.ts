import { sleep } from '../clock.ts';
import { toError } from '../errors.ts';
import { isInstalled } from '../kernel/program-path.ts';
import { families as bothFamilies } from '../model/address.ts';
import { tellFindings } from './check/finding.ts';
import { standAlone } from './check/stand-alone.ts';
import { tellingDenied } from './check/tell-denied.ts';
import { checkPrograms } from './check/tools.ts';
import { handOver } from './hand-over.ts';
import { followConfig } from './live-config.ts';
import type { Context, SourceOptions } from './options.ts';
import { machineRooms, type Rooms } from './rooms.ts';
import { session } from './session.ts';
import { openTelling } from './telling.ts';

/**
 * The agent: follows the source and keeps the kernel equal to it until the signal is aborted; rules stay when it ends. What time can heal
 * is tried again for ever: programs that are not there yet, a kernel that refuses, a lock, an API server that is away.
 * @throws NodeplaneError for what a person has to correct first: kube-proxy works on this node, or a directory or kubeconfig cannot be read,
 * at the start.
 */
export async function run(options: SourceOptions, context: Context): Promise<void> {
  const standing = await standAlone(options.config, context);
  const rooms = machineRooms();
  const openSource = tellingDenied(rooms.openSource, context.log);
  try {
    await tellLacks(options, context);
    await runIn({ ...rooms, openSource }, options, context);
  } finally {
    await standing.release();
  }
}

/** Programs may be installed while it runs; until then their lack is told once, all together. */
async function tellLacks(
  { config, families = bothFamilies }: SourceOptions,
  { log }: Context,
): Promise<void> {
  const listsAddresses = config.routing.nodePortAddresses.kind !== 'all';
  const needs = { variant: config.iptablesVariant, programs: undefined, families, listsAddresses };
  tellFindings(await checkPrograms(needs, isInstalled), log);
}

/** After a session with a changed configuration has failed. */
const restMilliseconds = 5000;

/** {@link run} anywhere. Settings that cannot change while it runs end one session and begin the next. */
export async function runIn(rooms: Rooms, options: SourceOptions, context: Context): Promise<void> {
  const { log, signal } = context;
  const families = options.families ?? (await rooms.supportedFamilies());
  const live = followConfig(options.config, options.updates, log);
  const telling = openTelling({ rooms, options, context, live, families });
  let ending = new AbortController();
  handOver({ rooms, options, live, log, signal, endSession: () => ending.abort() });
  try {
    for (let first = true; !signal.aborted; first = false) {
      ending = new AbortController();
      const end = AbortSignal.any([signal, ending.signal]);
      const ended = session({ rooms, options, context, live, telling, families, end });
      await ended.catch(async (thrown: unknown) => {
        if (first) throw thrown;
        log.error({ err: toError(thrown) }, 'the changed configuration cannot be used yet; trying again');
        await sleep(rooms.clock, restMilliseconds, end);
      });
    }
  } finally {
    await live.stop();
    await telling.observers.stop();
  }
  log.info({ signal: String(signal.reason) }, 'ended; the rules stay');
}
