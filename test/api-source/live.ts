import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../src/cluster/api/connect.ts';
import { createApiSource } from '../../src/cluster/api/source.ts';
import { type ReflectorTimes, reflectorTimes } from '../../src/cluster/api/times.ts';
import type { SourceEvent } from '../../src/cluster/source-event.ts';
import { equal } from '../../src/model/equal.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { resources } from '../api-server/resources.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../api-server/server.ts';
import { plain, truthOf } from './follow.ts';

/** Time runs so many times faster than in life, in all that a reflector waits for: the ratios are the real ones. */
export const haste = 50;

const hastyTimes: ReflectorTimes = {
  ...scaled(reflectorTimes),
  backoff: scaled(reflectorTimes.backoff),
};

/** A source that follows a scripted server over TLS, and what it has told. */
export interface Live {
  readonly api: ApiServer;
  readonly snapshots: Snapshot[];
  readonly events: SourceEvent[];
  findings: readonly Finding[];
  synced: boolean;
  /** Messages of failures of a resource's lists and watches. */
  errors(): readonly string[];
  /** Resolves when the last snapshot says what the server has. */
  truth(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LiveOptions {
  readonly server?: ApiServerOptions;
  readonly gzip?: boolean;
  /** Before the source starts; may give another kubeconfig than the server's. */
  readonly prepare?: (api: ApiServer) => Promise<string | undefined> | undefined;
}

export async function goLive({ server = {}, gzip = false, prepare }: LiveOptions = {}): Promise<Live> {
  const settings = { bookmarkMilliseconds: 60_000 / haste, ...server.settings };
  const api = await startApiServer({ ...server, settings });
  const kubeconfig = (await prepare?.(api)) ?? api.kubeconfig;
  const client = await connect({ kubeconfig, server: undefined, environment: {}, gzip });
  const events: SourceEvent[] = [];
  const source = createApiSource({
    client,
    nodeName: 'node-1',
    watch: true,
    observe: (event) => events.push(event),
    times: hastyTimes,
  });
  const live: Live = {
    api,
    snapshots: [],
    events,
    findings: [],
    synced: false,
    errors: () => events.flatMap((event) => (event.kind === 'failed' ? [event.error.message] : [])),
    truth: () => until(() => isTruth(live), 'the source has not come to the truth'),
    [Symbol.asyncDispose]: async () => {
      await source.stop();
      client.close();
      await api.stop();
    },
  };
  source
    .start({
      snapshot: (snapshot) => live.snapshots.push(snapshot),
      findings: (findings) => {
        live.findings = findings;
      },
    })
    .then(
      () => {
        live.synced = true;
      },
      (thrown: unknown) => live.events.push(unforeseen(thrown)),
    );
  return live;
}

/** Polls; a slow machine gets half a minute. */
export async function until(state: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!state()) {
    if (performance.now() > deadline) throw new Error(otherwise);
    await pause(10);
  }
}

function isTruth({ snapshots, api }: Live): boolean {
  const objects = resources
    .filter(({ kind }) => kind !== 'Event')
    .flatMap((resource) => api.store.list(resource).map(({ object }) => object));
  return equal(plain(snapshots.at(-1)), plain(truthOf(objects)));
}

function scaled<T extends object>(times: T): T {
  return JSON.parse(JSON.stringify(times), (_, value: unknown) =>
    typeof value === 'number' ? value / haste : value,
  );
}

function unforeseen(thrown: unknown): SourceEvent {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { kind: 'failed', resource: 'Service', error, unchanged: false, retryMilliseconds: 0 };
}
