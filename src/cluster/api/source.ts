import type { Source } from '../source.ts';
import type { SourceEvent } from '../source-event.ts';
import type { ApiClient } from './client.ts';

export interface ApiSourceOptions {
  readonly client: ApiClient;
  /** The Node this agent runs on; only this one is asked for. */
  readonly nodeName: string;
  /** Follow changes after everything was heard once. */
  readonly watch: boolean;
  /** Hears of the source's own work. */
  readonly observe: (event: SourceEvent) => void;
}

/** Objects from an API server: lists and watches that never end. Complete once Services, EndpointSlices, the Node and ServiceCIDRs have been heard. */
export function createApiSource(_options: ApiSourceOptions): Source {
  throw new Error('not there yet');
}
