import { setTimeout } from 'node:timers/promises';
import type { Api, ApiObject } from '../api.ts';
import { type Kind, pathOf } from '../kinds.ts';

const restMilliseconds = 200;

/**
 * Tells all objects of a kind after each change, in all namespaces, until the signal. Whatever goes wrong, such as the API server
 * being away, it begins anew.
 */
export async function follow(of: {
  readonly api: Api;
  readonly kind: Kind;
  readonly told: (objects: readonly ApiObject[]) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  while (!of.signal.aborted) {
    // What went wrong is told by objects that do not come, nothing can be done about it here.
    await followOnce(of).catch(() => undefined);
    await setTimeout(restMilliseconds, undefined, { signal: of.signal }).catch(() => undefined);
  }
}

async function followOnce({ api, kind, told, signal }: Parameters<typeof follow>[0]): Promise<void> {
  const path = pathOf({ kind, namespace: '' });
  const { status, body } = await api.request('GET', path);
  if (status !== 200) throw new Error(`GET ${path}: ${status}`);
  const list: { metadata: { resourceVersion: string }; items: ApiObject[] } = JSON.parse(body);
  const objects = new Map(list.items.map((object) => [object.metadata.uid, object]));
  told([...objects.values()]);
  const query = `watch=true&resourceVersion=${list.metadata.resourceVersion}`;
  for await (const { type, object } of api.watch(`${path}?${query}`, signal)) {
    if (type === 'ERROR') throw new Error(JSON.stringify(object));
    if (type === 'DELETED') objects.delete(object.metadata.uid);
    else objects.set(object.metadata.uid, object);
    told([...objects.values()]);
  }
}
