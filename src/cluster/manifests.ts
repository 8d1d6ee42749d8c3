import { NodeplaneError, toError } from '../errors.ts';
import type { Finding, FindingCode } from '../model/finding.ts';
import { printableName } from '../model/printable.ts';
import { createBreathe } from './breathe.ts';
import { createFollower } from './follow.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { createRepeater, type Repeater } from './repeat.ts';
import type { Times } from './settle.ts';
import type { Listener, Source } from './source.ts';
import { createTrackedFiles, type TrackedFiles } from './tracked-files.ts';

export interface ManifestsOptions {
  /** Its `*.yaml`, `*.yml` and `*.json` files are read, not those of its subdirectories and no hidden ones. */
  readonly directory: string;
  /** The Node this agent runs on; other Nodes are ignored. */
  readonly nodeName: string;
  /** Services are read that carry it in their label service-proxy-name; undefined: those without the label. */
  readonly serviceProxyName?: string | undefined;
  /** Follow changes after the first reading. */
  readonly watch: boolean;
  readonly times?: Partial<ManifestsTimes>;
}

export interface ManifestsTimes extends Times {
  /** The directory is looked at so often even when nothing was heard of it: fs.watch does not hear of everything. */
  readonly rescan: number;
}

const defaultTimes: ManifestsTimes = { settle: 100, grace: 1000, patience: 2000, rescan: 10_000 };

/**
 * Objects out of a directory of YAML and JSON files, complete once it has been read. A file that is broken, half written or cannot be
 * read changes nothing but the findings: what it said last stays. {@link Times} says how long changes must have settled.
 */
export function createManifestsSource(options: ManifestsOptions): Source {
  const { directory, nodeName, serviceProxyName } = options;
  const times = { ...defaultTimes, ...options.times };
  const files = createTrackedFiles(directory, times, serviceProxyName);
  const breathe = createBreathe();
  let stopped = false;
  let follow: { readonly repeater: Repeater; stop(): void } | undefined;

  return {
    start: async (listener: Listener) => {
      const publisher = createPublisher(nodeName, listener);
      const { changes } = await files.look(true).catch((thrown: unknown) => {
        const reason = toError(thrown).message;
        throw new NodeplaneError('NP-SOURCE-010', { directory, reason }, thrown);
      });
      await publisher.take(changes, breathe);
      if (stopped) return;
      publisher.tell(files.findings());
      if (options.watch) follow = followDirectory(directory, files, publisher, times);
    },
    stop: async () => {
      stopped = true;
      follow?.stop();
      await follow?.repeater.stop();
    },
  };
}

function followDirectory(
  directory: string,
  files: TrackedFiles,
  publisher: Publisher,
  times: ManifestsTimes,
): { readonly repeater: Repeater; stop(): void } {
  const breathe = createBreathe();
  let stopped = false;
  const repeater = createRepeater(async () => {
    const deaf = await follower.ensure();
    const looked = await files.look(false).catch(toError);
    if (stopped) return times.rescan;
    if (looked instanceof Error) {
      publisher.tell([...files.findings(), aboutDirectory('NP-SOURCE-002', directory, looked.message)]);
      return Math.min(times.rescan, times.grace);
    }
    await publisher.take(looked.changes, breathe);
    const findings = deaf === undefined ? [] : [aboutDirectory('NP-SOURCE-004', directory, deaf)];
    if (!stopped) publisher.tell([...files.findings(), ...findings]);
    return Math.min(times.rescan, looked.inMs);
  });
  const follower = createFollower(directory, () => repeater.within(heard));
  repeater.within(0);
  return {
    repeater,
    stop: () => {
      stopped = true;
      follower.stop();
    },
  };
}

/** Milliseconds from the first word of a change to the look at it: several events usually come at once. */
const heard = 10;

function aboutDirectory(code: FindingCode, directory: string, reason: string): Finding {
  return { code, object: `File ${printableName(directory)}`, field: '', reason };
}
