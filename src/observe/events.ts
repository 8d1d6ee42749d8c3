import type { ApiClient } from '../cluster/api/client.ts';
import type { Finding } from '../model/finding.ts';
import { get } from '../model/immutable-map.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Clock } from './clock.ts';
import { Aggregate } from './events/aggregate.ts';
import type { News } from './events/event.ts';
import { driftNews, findingNews, listenNews, startNews } from './events/news.ts';
import { Teller } from './events/teller.ts';
import type { Happening, Observer } from './happening.ts';
import type { Log } from './log.ts';

export interface EventRecorderOptions {
  /** Undefined: there is no API server, and no Events. */
  readonly client: ApiClient | undefined;
  readonly nodeName: string;
  /** Of nodeplane. */
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Writes Kubernetes Events about Services, EndpointSlices and this Node. */
export interface EventRecorder {
  readonly observe: Observer;
  stop(): Promise<void>;
}

const tidyMilliseconds = 60_000;

/** An Event recorder; says at once that the agent has started. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, nodeName, version, clock, random } = options;
  if (client === undefined) return { observe: () => undefined, stop: async () => undefined };
  const reporter = { controller: 'nodeplane', instance: `nodeplane-${nodeName}` };
  const teller = new Teller({ ...options, client, reporter });
  const aggregate = new Aggregate(clock, random);
  const newsOf = createNewsReader(nodeName);
  let cancel: (() => void) | undefined;

  const tidy = (): void => {
    for (const telling of aggregate.due()) teller.send(telling);
    cancel = aggregate.isEmpty ? undefined : clock.after(tidyMilliseconds, tidy);
  };
  const record = (news: News): void => {
    const telling = aggregate.take(news);
    if (telling !== undefined) teller.send(telling);
    cancel ??= clock.after(tidyMilliseconds, tidy);
  };
  record(startNews(nodeName, version));
  return {
    observe: (happening) => {
      for (const news of newsOf(happening)) record(news);
    },
    stop: async () => {
      cancel?.();
      await teller.stop();
    },
  };
}

/** What is new in each happening: of the findings that stand, those that did not stand before. */
function createNewsReader(nodeName: string): (happening: Happening) => readonly News[] {
  let latest: Snapshot | undefined;
  let standing: ReadonlySet<string> = new Set();
  const uidOf = (service: string | undefined): string | undefined =>
    service === undefined || latest === undefined ? undefined : get(latest.services, service)?.uid;
  const fresh = (findings: readonly Finding[]): readonly Finding[] => {
    const before = standing;
    standing = new Set(findings.map((finding) => JSON.stringify(finding)));
    return findings.filter((finding) => !before.has(JSON.stringify(finding)));
  };
  return (happening) => {
    if (happening.kind === 'snapshot-heard') latest = happening.snapshot;
    if (happening.kind === 'listen-failed')
      return [listenNews(happening, nodeName, uidOf(happening.service))];
    if (happening.kind === 'drift-found') return [driftNews(happening, nodeName)];
    if (happening.kind !== 'findings-stand') return [];
    return fresh(happening.findings)
      .map((finding) => findingNews(finding, finding.uid ?? uidOf(finding.object.replace(/^Service /, ''))))
      .filter((news) => news !== undefined);
  };
}
