import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Json } from '../../conformance/objects.ts';
import type { Place } from '../network/network.ts';
import type { Bed } from './bed.ts';
import { deployment, service } from './objects.ts';
import { podsOf } from './read.ts';
import { startTalkers, type Talker, untilAnsweredBy } from './udp-talkers.ts';
import { untilEndpoints, untilReady } from './waits.ts';

const name = 'dns';
const port = 53;
/** From the slice to an answer. The table of connections is looked at once a second at most. */
const movedMilliseconds = 15_000;
/** Its clients send all the while, and are refused. */
const noneMilliseconds = 1000;

/** As `spec.strategy` of a Deployment has it. */
interface Strategy {
  readonly type: 'Recreate' | 'RollingUpdate';
  readonly rollingUpdate: { readonly maxSurge: number; readonly maxUnavailable: number } | null;
}

/** Its clients keep their sockets: what connection tracking remembers of them must not lead to a Pod that is gone. */
export function udpReplaced(theBed: () => Bed): void {
  let talkers: readonly Talker[] = [];
  let pod: Place;

  beforeAll(async () => {
    const { cluster, inside } = theBed();
    const { api } = cluster;
    await api.create(deployment({ name, preStopSeconds: 1 }));
    await api.create(service({ name, type: 'NodePort', ports: [{ protocol: 'UDP', port }] }));
    await untilReady(api, name);
    [pod = ''] = await podsOf(api, name);
    talkers = await startTalkers(cluster, name, port, inside);
    await untilAnsweredBy(talkers, pod, movedMilliseconds);
  });
  afterAll(async () => {
    await Promise.all(talkers.map((talker) => talker.stop()));
  });

  const patch = (spec: Json) => theBed().cluster.api.patch({ kind: 'Deployment', name }, { spec });

  /** Changes the Deployment and waits until the Pod that it has then answers all sockets. */
  async function replace(what: string, change: () => Promise<unknown>): Promise<void> {
    const { api } = theBed().cluster;
    const before = pod;
    await change();
    const endpoints = await untilEndpoints(api, name, (all) =>
      all.some(({ ready, place }) => ready && place !== before),
    );
    const published = Date.now();
    pod = endpoints.find(({ ready, place }) => ready && place !== before)?.place ?? '';
    const answers = await untilAnsweredBy(talkers, pod, movedMilliseconds);
    const seconds = (all: readonly number[]) => (Math.max(0, ...all) / 1000).toFixed(1);
    const [after, silence] = [answers.map(({ at }) => at - published), answers.map((each) => each.silence)];
    console.log(
      `UDP server replaced (${what}): ${answers.length} sockets answered by the new Pod, the last ${seconds(after)} s after its slice; longest silence ${seconds(silence)} s`,
    );
    expect(answers).toHaveLength(talkers.length);
  }

  async function update(strategy: Strategy): Promise<void> {
    await patch({ strategy });
    await patch({ template: { metadata: { annotations: { replaced: strategy.type } } } });
  }

  it('is found by the same sockets when its Pod ends before the next one starts', async () => {
    await replace('Recreate', () => update({ type: 'Recreate', rollingUpdate: null }));
  });

  it('is found by the same sockets when the next Pod is there before its own ends', async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
    await replace('RollingUpdate', () => update({ type: 'RollingUpdate', rollingUpdate }));
  });

  it('is found by the same sockets after there was none for a while', async () => {
    await replace(`after ${noneMilliseconds} ms without one`, async () => {
      await patch({ replicas: 0 });
      await untilEndpoints(theBed().cluster.api, name, (all) => all.length === 0);
      await setTimeout(noneMilliseconds);
      await patch({ replicas: 1 });
    });
  });
}
