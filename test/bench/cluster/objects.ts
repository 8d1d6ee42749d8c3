import { type Api, ApiRefusal } from '../../cluster/api.ts';
import { type Json, node } from '../../conformance/objects.ts';
import { type BenchService, benchServices, serviceObject, sliceObject } from '../cluster.ts';

/** Parts of the service network that the API server keeps for itself: the network, its first address (`kubernetes`), the last one. */
const reserved: ReadonlySet<string> = new Set(['172.30.0.0', '172.30.0.1', '172.30.255.255']);

/** The Services of the benchmark, within the service network of the real API server. */
export function clusterServices(count: number): readonly BenchService[] {
  return benchServices(count + reserved.size)
    .map((each) => ({ ...each, address: each.address.replace(/^172\.20\./, '172.30.') }))
    .filter(({ address }) => !reserved.has(address))
    .slice(0, count);
}

/** So many requests at the same time; the API server is told to take 50. */
const writers = 40;

/** Creates Services and their slices; `from` of them are there already. `progress` hears now and then how many there are. */
export async function writeServices(
  api: Api,
  services: readonly BenchService[],
  from: number,
  progress: (count: number) => void,
): Promise<void> {
  let count = from;
  const coming = services.slice(from);
  const before = new Set(services.slice(0, from).map(({ namespace }) => namespace));
  const namespaces = new Set(coming.map(({ namespace }) => namespace).filter((name) => !before.has(name)));
  await each([...namespaces], (name) =>
    api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
  );
  await each(coming, async (service) => {
    await api.create(serviceObject(service));
    await api.create(sliceObject(service));
    count += 1;
    if (count % 1000 === 0) progress(count);
  });
}

export function writeNode(api: Api, name: string, addresses: readonly string[]): Promise<unknown> {
  return api.create(node({ name, addresses }));
}

/**
 * Moves the first endpoint of a Service to another pod.
 * @returns when the API server had accepted that, in milliseconds since 1970.
 */
export async function moveEndpoint(api: Api, service: BenchService, pod: string): Promise<number> {
  const { metadata, endpoints }: Json = sliceObject(service, [pod, ...service.endpoints.slice(1)]);
  const { name }: Json = { ...(typeof metadata === 'object' ? metadata : {}) };
  const reference = { kind: 'EndpointSlice', namespace: service.namespace, name: String(name) } as const;
  await patiently(() => api.patch(reference, { endpoints }));
  return performance.timeOrigin + performance.now();
}

const mostTries = 5;

/** Once more when the connection was closed under it: the same change twice is one change. */
async function patiently(request: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await request();
      return;
    } catch (error) {
      if (error instanceof ApiRefusal || tries === mostTries) throw error;
    }
  }
}

/** Does one thing for each, some at the same time. */
async function each<Item>(items: readonly Item[], does: (item: Item) => Promise<unknown>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await does(item);
  };
  await Promise.all(Array.from({ length: writers }, worker));
}
