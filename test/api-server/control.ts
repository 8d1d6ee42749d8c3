import { type ClusterSize, clusterObjects } from './cluster.ts';
import type { Network } from './door.ts';
import type { Fault, When } from './faults.ts';
import type { Settings } from './handle.ts';
import { type Json, resources } from './resources.ts';
import type { ApiServer, Presented } from './server.ts';

/** One line that steers the server. */
export type Command =
  | { readonly do: 'put'; readonly objects: readonly Json[] }
  | { readonly do: 'remove'; readonly objects: readonly Json[] }
  /** Fills the server with a synthetic cluster. */
  | { readonly do: 'fill'; readonly size: ClusterSize }
  | { readonly do: 'fail'; readonly fault: Fault; readonly when?: When }
  | { readonly do: 'clear-faults' }
  | { readonly do: 'set'; readonly settings: Partial<Settings> }
  | { readonly do: 'network'; readonly network: Network }
  | { readonly do: 'present'; readonly certificate: Presented }
  | { readonly do: 'compact' }
  | { readonly do: 'cut' }
  /** Answers `requests`, `mostPerSecond`, `connections`, `version`. */
  | { readonly do: 'count'; readonly path?: string }
  /** Answers `objects` of the resource: `events`. */
  | { readonly do: 'list'; readonly resource: string };

/** @returns what to answer. */
export async function control(api: ApiServer, line: string): Promise<Json> {
  try {
    const command: Command = JSON.parse(line);
    return { ok: true, ...(await obey(api, command)) };
  } catch (error) {
    return { ok: false, error: String(error) };
  }
}

async function obey(api: ApiServer, command: Command): Promise<Json> {
  switch (command.do) {
    case 'put':
      api.put(...command.objects);
      return { version: api.store.version };
    case 'remove':
      for (const object of command.objects) api.remove(object);
      return { version: api.store.version };
    case 'fill':
      for (const object of clusterObjects(command.size)) api.put(object);
      return { version: api.store.version };
    case 'fail':
      api.fail(command.fault, command.when);
      return {};
    case 'clear-faults':
      api.clearFaults();
      return {};
    case 'set':
      api.set(command.settings);
      return {};
    case 'network':
      await api.network(command.network);
      return {};
    case 'present':
      await api.present(command.certificate);
      return {};
    case 'compact':
      api.compact();
      return {};
    case 'cut':
      api.cut();
      return {};
    case 'count':
      return {
        requests: api.requests.all(command.path).length,
        mostPerSecond: api.requests.mostPerSecond(command.path),
        connections: api.connections,
        version: api.store.version,
      };
    case 'list':
      return {
        objects: resources
          .filter(({ name }) => name === command.resource)
          .flatMap((resource) => api.store.list(resource))
          .map(({ object }) => object),
      };
  }
}
