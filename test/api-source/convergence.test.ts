import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../api-server/cluster.ts';
import { type Json, node, service, slice } from '../conformance/objects.ts';
import { type Following, follow, plain, truthOf } from './follow.ts';
import type { Fault, WatchLists } from './simulation.ts';

/** What happens to the cluster, the server or the way there. */
type Step =
  | { readonly do: 'put' | 'remove'; readonly object: Json }
  | { readonly do: 'compact' | 'restore' }
  | { readonly do: 'fault'; readonly fault: Fault | undefined; readonly only: 'all' | 'watches' | 'lists' }
  | { readonly do: 'watch-lists'; readonly how: WatchLists }
  | { readonly do: 'lack-cidrs'; readonly lack: boolean }
  | { readonly do: 'pass'; readonly milliseconds: number };

const name = fc.constantFrom('a', 'b', 'c', 'd');
const octet = fc.integer({ min: 1, max: 9 });
const object: fc.Arbitrary<Json> = fc.oneof(
  fc
    .tuple(name, octet, fc.integer({ min: 80, max: 84 }))
    .map(([of, last, port]) => service({ name: of, clusterIPs: [`10.0.0.${last}`], ports: [{ port }] })),
  fc.tuple(name, fc.uniqueArray(octet, { maxLength: 3 })).map(([of, lasts]) =>
    slice({
      of,
      family: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: lasts.map((last) => ({ address: `10.1.0.${last}` })),
    }),
  ),
  octet.map((last) => node({ name: 'node-1', addresses: [`192.0.2.${last}`] })),
  octet.map((last) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: `cidr-${last}` },
    spec: { cidrs: [`10.${last}.0.0/16`] },
  })),
);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.constant<Fault>({ kind: 'away' }),
  fc
    .constantFrom(400, 401, 403, 404, 408, 410, 422, 429, 500, 503, 504)
    .map((status): Fault => ({ kind: 'status', status })),
  fc.nat(20).map((retryAfter): Fault => ({ kind: 'status', status: 429, retryAfter })),
  fc
    .tuple(fc.constantFrom('end', 'break', 'silence'), fc.nat(2000))
    .map(([kind, bytes]): Fault => ({ kind, bytes })),
  fc.constant<Fault>({ kind: 'silence', bytes: undefined }),
  fc.constant<Fault>({ kind: 'html' }),
  fc
    .constantFrom(
      'x',
      '[]',
      '{"type":"ERROR","object":{"code":410}}',
      '{"type":"ERROR","object":{"code":500}}',
      '{}',
    )
    .map((line): Fault => ({ kind: 'line', line })),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: object.map((each): Step => ({ do: 'put', object: each })) },
  { weight: 2, arbitrary: object.map((each): Step => ({ do: 'remove', object: each })) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'compact' }, { do: 'restore' }) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.option(fault, { nil: undefined }), fc.constantFrom('all', 'watches', 'lists'))
      .map(([each, only]): Step => ({ do: 'fault', fault: each, only })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('served', 'refused', 'ignored')
      .map((how): Step => ({ do: 'watch-lists', how })),
  },
  { weight: 1, arbitrary: fc.boolean().map((lack): Step => ({ do: 'lack-cidrs', lack })) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(10, 1000, 20_000, 200_000, 700_000)
      .map((milliseconds): Step => ({ do: 'pass', milliseconds })),
  },
);

/** Of one resource, in any minute of the server's time. */
const mostPerMinute = 40;

describe('the API source', () => {
  it('comes to the truth after any row of faults and changes, and never asks much', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(), async (steps, seed) => {
        const following = follow({ random: createRandom(seed) });
        try {
          for (const each of steps) await take(following, each);
          await take(following, { do: 'fault', fault: undefined, only: 'all' });
          await take(following, { do: 'lack-cidrs', lack: false });
          // Long enough for the longest wait of all, for a resource that was not there.
          await following.clock.pass(25 * 60_000);
          expect(following.outcome).toBe('synced');
          expect(plain(following.snapshots.at(-1))).toEqual(plain(truthOf(following.server.objects())));
          expect(most(following)).toBeLessThanOrEqual(mostPerMinute);
        } finally {
          await following.stop();
        }
      }),
      { numRuns: 150 },
    );
  }, 120_000);
});

async function take({ server, clock }: Following, each: Step): Promise<void> {
  switch (each.do) {
    case 'put':
    case 'remove':
      server[each.do](each.object);
      break;
    case 'compact':
    case 'restore':
      server[each.do]();
      break;
    case 'fault':
      server.faultOf = ({ query }) => {
        const watches = query['watch'] === 'true';
        return each.only === 'all' || (each.only === 'watches') === watches ? each.fault : undefined;
      };
      break;
    case 'watch-lists':
      server.watchLists = each.how;
      break;
    case 'lack-cidrs':
      server.without = new Set(each.lack ? ['ServiceCIDR'] : []);
      break;
    case 'pass':
      await clock.pass(each.milliseconds);
      break;
  }
}

function most({ server }: Following): number {
  const counts = (['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const).map((kind) => {
    const times = server.asked.filter((each) => each.kind === kind).map(({ at }) => at);
    let from = 0;
    return times.reduce((top, at, index) => {
      while (at - (times[from] ?? at) >= 60_000) from += 1;
      return Math.max(top, index - from + 1);
    }, 0);
  });
  return Math.max(...counts);
}
