import type { ApiClient } from '../cluster/api/client.ts';
import { connect } from '../cluster/api/connect.ts';
import { createApiSource } from '../cluster/api/source.ts';
import { createManifestsSource } from '../cluster/manifests.ts';
import type { Source } from '../cluster/source.ts';
import type { SourceEvent } from '../cluster/source-event.ts';
import { buildInfo } from './build-info.ts';
import type { SourceOptions } from './options.ts';

/** Where objects come from, and the API server besides when it is that: Events are written to it. */
export interface OpenedSource {
  readonly source: Source;
  /** Undefined for manifests. Not closed by the source. */
  readonly client: ApiClient | undefined;
}

/**
 * The source that the options choose; nothing is read or sent yet.
 * @param watch follow changes after everything was heard once.
 * @throws NodeplaneError `NP-API-001`, `-009`.
 */
export async function openSource(
  { source, config }: SourceOptions,
  watch: boolean,
  observe: (event: SourceEvent) => void = () => undefined,
): Promise<OpenedSource> {
  const { nodeName, serviceProxyName } = config;
  if (source.kind === 'manifests') {
    const { directory } = source;
    return {
      source: createManifestsSource({ directory, nodeName, serviceProxyName, watch }),
      client: undefined,
    };
  }
  const client = await connect({ ...config.client, environment: process.env, version: buildInfo.version });
  return { source: createApiSource({ client, nodeName, serviceProxyName, watch, observe }), client };
}
