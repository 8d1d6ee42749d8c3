import { describe, expect, it } from 'vitest';
import { type ApiClient, ApiError } from '../../cluster/api/client.ts';
import type { SourceEvent } from '../../cluster/source-event.ts';
import { defaultConfig } from '../../config/defaults.ts';
import { createLog } from '../../observe/log.ts';
import { tellingDenied } from './tell-denied.ts';

/** A source whose events a test makes, and a server that denies what it is told to. */
class Scene {
  denied: readonly string[] = [];
  reviews = 0;
  readonly lines: string[] = [];
  readonly observed: SourceEvent[] = [];
  #tell: (event: SourceEvent) => void = () => undefined;

  async open(): Promise<void> {
    const client: ApiClient = {
      server: 'https://192.0.2.1',
      close: () => undefined,
      open: async ({ path, body }) => {
        if (path.endsWith('/selfsubjectaccessreviews')) this.reviews += 1;
        const allowed = !this.denied.some((resource) => body?.text.includes(`"${resource}"`));
        const answer = { status: { allowed, userInfo: { username: 'jane' } } };
        const text = (async function* () {
          yield Buffer.from(JSON.stringify(answer));
        })();
        return { status: 201, mediaType: 'application/json', retryAfterSeconds: undefined, body: text };
      },
    };
    const source = { start: async () => undefined, stop: async () => undefined };
    const write = (text: string): number => this.lines.push(text);
    const open = tellingDenied(
      async (_, __, observe) => {
        this.#tell = (event) => observe?.(event);
        return { source, client };
      },
      createLog({ level: 'info', format: 'json', colour: false, write }),
    );
    const config = { ...defaultConfig, nodeName: 'n1' };
    await open({ config, families: undefined, source: { kind: 'api' } }, true, (event) =>
      this.observed.push(event),
    );
  }

  fail(resource: SourceEvent['resource'], status: number, unchanged = false): void {
    const error = new ApiError('NP-API-005', { server: 's', verb: 'list', resource }, { status });
    this.#tell({ kind: 'failed', resource, error, unchanged, retryMilliseconds: 1 });
  }
}

async function opened(): Promise<Scene> {
  const scene = new Scene();
  await scene.open();
  return scene;
}

describe('lists that are denied', () => {
  it('are told once, all together', async () => {
    const scene = await opened();
    scene.denied = ['services', 'nodes'];
    for (const resource of ['Service', 'Node'] as const) scene.fail(resource, 403);
    await expect.poll(() => scene.lines).toHaveLength(1);
    expect(JSON.parse(scene.lines[0] ?? '')).toMatchObject({
      level: 'error',
      err: { code: 'NP-CHECK-004', message: expect.stringMatching(/services.*nodes/s) },
    });
    expect(scene.reviews).toBe(10);
    expect(scene.observed).toHaveLength(2);
    scene.fail('Service', 403, true);
    scene.fail('Service', 403);
    await expect.poll(() => scene.reviews).toBe(20);
    expect(scene.lines).toHaveLength(1);
  });

  it('are told again when something else is denied', async () => {
    const scene = await opened();
    scene.denied = ['services'];
    scene.fail('Service', 403);
    await expect.poll(() => scene.lines).toHaveLength(1);
    scene.denied = ['nodes'];
    await expect
      .poll(() => {
        scene.fail('Node', 403);
        return scene.lines.length;
      })
      .toBe(2);
  });

  it('are not asked for after other failures', async () => {
    const scene = await opened();
    scene.fail('Service', 500);
    scene.fail('Service', 401);
    await new Promise(setImmediate);
    expect([scene.reviews, scene.observed.length]).toEqual([0, 2]);
  });
});
