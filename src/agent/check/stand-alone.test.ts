import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/manual-clock.ts';
import { defaultConfig } from '../../config/defaults.ts';
import type { KubeProxyChoice } from '../../config/schema.ts';
import { NodeplaneError } from '../../errors.ts';
import { createLog } from '../../observe/log.ts';
import type { Claim } from './claim.ts';
import type { Eyes } from './other-proxies.ts';
import { standAlone } from './stand-alone.ts';

/** A node on which a kube-proxy and another nodeplane may work. */
class Node {
  readonly clock = new ManualClock();
  readonly stop = new AbortController();
  readonly #written: string[] = [];
  kubeProxies: readonly number[] = [];
  other = false;
  claims = 0;
  /** What the system says to who wants the claim. */
  denial: Error | undefined;

  stand(kubeProxy: KubeProxyChoice, besideKubeProxy = false): Promise<unknown> {
    const eyes: Eyes = {
      ask: async () => undefined,
      readListeners: async () => [],
      findProcesses: async () => this.kubeProxies,
    };
    const write = (text: string): number => this.#written.push(text);
    const log = createLog({ level: 'info', format: 'json', colour: false, write });
    return standAlone(
      { ...defaultConfig, kubeProxy, routing: { ...defaultConfig.routing, besideKubeProxy } },
      { log, signal: this.stop.signal },
      { eyes, takeClaim: async () => this.#claim(), clock: this.clock },
    ).then(
      () => 'alone',
      (thrown: unknown) => (thrown instanceof NodeplaneError ? thrown.code : thrown),
    );
  }

  /** `level seconds message` of what was logged since the last look. */
  told(): readonly string[] {
    return this.#written.splice(0).map((line) => {
      const { level, seconds, msg }: { level: string; seconds?: number; msg: string } = JSON.parse(line);
      return [level, ...(seconds === undefined ? [] : [seconds]), msg].join(' ');
    });
  }

  #claim(): Claim {
    if (this.denial !== undefined) return { kind: 'unknown', error: this.denial };
    if (this.other) return { kind: 'taken' };
    this.claims += 1;
    return {
      kind: 'held',
      release: async () => {
        this.claims -= 1;
      },
    };
  }
}

/** What the promise became while so much time passed; undefined: it is still pending. */
async function within(node: Node, milliseconds: number, standing: Promise<unknown>): Promise<unknown> {
  let ended: unknown;
  void standing.then((value) => {
    ended = value;
  });
  await node.clock.pass(milliseconds);
  return ended;
}

describe('a node without another proxy', () => {
  it('is told of when it cannot be known to be without another nodeplane', async () => {
    const node = new Node();
    node.denial = new Error('EACCES');
    expect(await node.stand('refuse')).toBe('alone');
    expect(node.told()).toEqual(['warn whether another nodeplane works on this node cannot be found out']);
  });

  it.each(['refuse', 'wait', 'ignore'] as const)(
    'is ours at once and without a word (%s)',
    async (choice) => {
      const node = new Node();
      expect(await node.stand(choice)).toBe('alone');
      expect([node.claims, node.told()]).toEqual([1, []]);
    },
  );
});

describe('kube-proxy', () => {
  it('is refused at once, and the claim is given back', async () => {
    const node = new Node();
    node.kubeProxies = [7];
    expect(await node.stand('refuse')).toBe('NP-CHECK-002');
    expect(node.claims).toBe(0);
  });

  it('is waited for: told once a minute, and half a second after its end the node is ours', async () => {
    const node = new Node();
    node.kubeProxies = [7];
    const standing = node.stand('wait');
    expect(await within(node, 150_250, standing)).toBeUndefined();
    const line = 'waits until another proxy is gone';
    expect(node.told()).toEqual([`warn 0 ${line}`, `warn 60 ${line}`, `warn 120 ${line}`]);
    node.kubeProxies = [];
    expect(await within(node, 500, standing)).toBe('alone');
    expect(node.told()).toEqual(['info 151 the other proxy is gone']);
    expect(node.claims).toBe(1);
  });

  it('is not waited for any longer when we are to end', async () => {
    const node = new Node();
    node.kubeProxies = [7];
    const standing = node.stand('wait');
    await node.clock.pass(5000);
    node.stop.abort('SIGTERM');
    expect(await standing).toBe('alone');
    expect(node.clock.waiting).toBe(0);
  });

  it('is ignored with a warning', async () => {
    const node = new Node();
    node.kubeProxies = [7];
    expect(await node.stand('ignore')).toBe('alone');
    expect(node.told()).toEqual(['warn goes on beside another proxy, because kubeProxy is ignore']);
  });

  it('is expected beside a nodeplane with a name of its own', async () => {
    const node = new Node();
    node.kubeProxies = [7];
    expect(await node.stand('refuse', true)).toBe('alone');
    expect(node.told()).toEqual([]);
  });
});

describe('another nodeplane', () => {
  it('that is about to end is no error', async () => {
    const node = new Node();
    node.other = true;
    const standing = node.stand('refuse');
    expect(await within(node, 2000, standing)).toBeUndefined();
    node.other = false;
    expect(await within(node, 100, standing)).toBe('alone');
  });

  it.each([false, true])('that stays is refused after 3 s (beside kube-proxy: %s)', async (beside) => {
    const node = new Node();
    node.other = true;
    const standing = node.stand('refuse', beside);
    expect(await within(node, 2900, standing)).toBeUndefined();
    expect(await within(node, 200, standing)).toBe('NP-CHECK-003');
  });
});
