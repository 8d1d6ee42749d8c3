import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { debugStateOf } from '../../test/observe/debug-cluster.ts';
import { debugPages } from './debug-pages.ts';
import { sendPieces } from './send-pieces.ts';

/** Takes everything at once. */
function reader() {
  const taken: string[] = [];
  const out = new Writable({
    decodeStrings: false,
    write: (text: string, _, done) => {
      taken.push(text);
      done();
    },
  });
  return { out, taken };
}

describe('sendPieces', () => {
  it('writes everything, and lets the event loop turn meanwhile', async () => {
    const { out, taken } = reader();
    let turns = 0;
    let going = true;
    const count = (): void => {
      turns += 1;
      if (going) setImmediate(count);
    };
    setImmediate(count);
    const piece = 'x'.repeat(1000);
    await sendPieces(
      out,
      Array.from({ length: 5000 }, () => piece),
    );
    going = false;
    expect(taken.join('')).toHaveLength(5_000_000);
    expect(turns).toBeGreaterThan(5_000_000 / 65_536 - 2);
  });

  it('waits for a slow reader, so that little is held', async () => {
    let made = 0;
    let most = 0;
    let taken = 0;
    const out = new Writable({
      decodeStrings: false,
      highWaterMark: 1,
      write: (text: string, _, done) => {
        setImmediate(() => {
          taken += text.length;
          done();
        });
      },
    });
    const pieces = function* (): Generator<string> {
      for (let index = 0; index < 2000; index++) {
        made += 1000;
        most = Math.max(most, made - taken);
        yield 'x'.repeat(1000);
      }
    };
    await sendPieces(out, pieces());
    expect(most).toBeLessThan(3 * 66_000);
  });

  it('ends when the reader goes away, and cuts one off that takes nothing', async () => {
    const stuck = () => new Writable({ highWaterMark: 1, write: () => undefined });
    const pieces = () => Array.from({ length: 200 }, () => 'x'.repeat(1000));
    const gone = stuck();
    setImmediate(() => gone.destroy());
    await sendPieces(gone, pieces());
    expect(gone.destroyed).toBe(true);
    const idle = stuck();
    await sendPieces(idle, pieces(), 20);
    expect(idle.destroyed).toBe(true);
  });
});

describe('the pages of the debugging door', () => {
  const state = debugStateOf(300);

  it.each(debugPages.map(({ path, pieces }) => [path, pieces] as const))(
    '%s come in small pieces, also when most is left out',
    (_, pieces) => {
      for (const service of [undefined, 'team-07/service-00007', 'no/such']) {
        const made = [...(pieces(state, service) ?? [])];
        expect(Math.max(...made.map((piece) => piece.length))).toBeLessThan(20_000);
        expect(() => JSON.parse(made.join(''))).not.toThrow();
      }
    },
  );

  it('search a plan step by step', () => {
    const plan = debugPages.find(({ path }) => path === '/debug/plan');
    const steps = state.families()[0]?.lastPlan?.steps.length ?? 0;
    expect(steps).toBeGreaterThan(300);
    expect([...(plan?.pieces(state, 'no/such') ?? [])].length).toBeGreaterThan(steps);
  });
});
