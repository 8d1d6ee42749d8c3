import { connect } from '../cluster/api/connect.ts';
import { createApiSource } from '../cluster/api/source.ts';
import { createManifestsSource } from '../cluster/manifests.ts';
import type { Source } from '../cluster/source.ts';
import type { SourceEvent } from '../cluster/source-event.ts';
import type { SourceOptions } from './options.ts';

/** The source that the options choose. @param watch follow changes after everything was heard once. */
export async function openSource(
  { source, config }: SourceOptions,
  watch: boolean,
  observe: (event: SourceEvent) => void = () => undefined,
): Promise<Source> {
  const { nodeName } = config;
  if (source.kind === 'manifests') {
    return createManifestsSource({ directory: source.directory, nodeName, watch });
  }
  const client = await connect({ ...config.client, environment: process.env });
  return createApiSource({ client, nodeName, watch, observe });
}
