import { sleep } from '../../clock.ts';
import { createBackoff } from './backoff.ts';
import { ApiError } from './client.ts';
import { afterFailure, beginCourse } from './course.ts';
import { askedMilliseconds } from './failure.ts';
import { list } from './list.ts';
import type { ReflectorOptions } from './reflector.ts';

/** A server may be away for a moment; somebody waits for the answer. */
const mostTries = 4;
/** No other try begins after so long: a way that swallows everything takes 20 s each. */
const mostMilliseconds = 15_000;

/** Lists a resource once, in its newest state. Resolves early when the signal aborts. @throws ApiError after some tries */
export async function listOnce(options: ReflectorOptions, signal: AbortSignal): Promise<void> {
  const { clock, times, random, resource, holdings, sink, observe } = options;
  const backoff = createBackoff(times.backoff, clock, random);
  let { fieldSelector } = resource;
  const first = clock.now();
  for (let tries = 1; !signal.aborted; tries++) {
    const began = clock.now();
    try {
      const { relist } = await list(options, { version: '', fieldSelector }, holdings, signal);
      const objects = relist.size();
      sink.changed(relist.commit());
      observe({
        kind: 'listed',
        resource: resource.kind,
        how: 'list',
        objects,
        milliseconds: clock.now() - began,
      });
      return;
    } catch (thrown) {
      if (signal.aborted) return;
      const { again, course, without } = afterFailure(
        beginCourse(fieldSelector),
        listed,
        thrown,
        resource,
        0,
      );
      if (without) return;
      fieldSelector = course.fieldSelector;
      if (again === 'at once') continue;
      const late = clock.now() - first > mostMilliseconds;
      if (late || tries >= mostTries || isFinal(thrown)) throw thrown;
      await sleep(clock, backoff.fail(askedMilliseconds(thrown)).milliseconds, signal);
    }
  }
}

/** No watch that could say anything about the course. */
const listed = {
  attempt: 'list',
  answered: true,
  opened: true,
  heard: false,
  fruitless: 0,
} as const;

/** What no second try mends. */
function isFinal(thrown: unknown): boolean {
  return thrown instanceof ApiError && (thrown.status === 403 || thrown.status === 404);
}
