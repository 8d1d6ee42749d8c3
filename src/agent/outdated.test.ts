import { afterEach, expect, it } from 'vitest';
import { FakeNode } from '../../test/agent/fake-node.ts';
import { nodeA, pod, web, webs } from '../../test/agent/services.ts';

const nodes: FakeNode[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

const variants = ['legacy', 'nft'] as const;
const everything = '*nat\nCOMMIT\n*filter\nCOMMIT\n*mangle\nCOMMIT\n';

function flush(node: FakeNode): void {
  node.programs.fakes.IPv4.restore(everything, { noflush: false });
}

function expectAll(node: FakeNode, numbers: readonly number[]): void {
  expect(node.reports.at(-1)).toMatchObject({ error: undefined, quarantined: [] });
  for (const number of numbers) expect(node.rules()).toContain(`--to-destination ${pod(number)}:8080`);
}

/** A node where an agent has worked before. */
async function restarted(variant: (typeof variants)[number]): Promise<FakeNode> {
  const before = new FakeNode({ variant }).start();
  before.source.tell([nodeA, ...webs(5)]);
  await before.synced(1);
  await before.stop();
  const node = new FakeNode({ variant });
  nodes.push(node);
  node.programs.fakes.IPv4.restore(before.rules(), { noflush: true });
  return node.start();
}

it.each(variants)('%s: what was flushed after it was read ahead blames no Service', async (variant) => {
  const node = await restarted(variant);
  await node.pass(1000);
  flush(node);
  node.source.tell([nodeA, ...webs(5), ...web(6)]);
  await node.synced(1);
  expectAll(node, [0, 1, 2, 3, 4, 6]);
});

it.each(variants)('%s: what is flushed between reading and writing blames no Service', async (variant) => {
  const node = await restarted(variant);
  await node.pass(60_000);
  node.programs.fault = (program) => {
    if (program === 'restore' && node.programs.saves.IPv4 > 1) {
      node.programs.fault = () => undefined;
      flush(node);
    }
    return undefined;
  };
  node.source.tell([nodeA, ...webs(5), ...web(6)]);
  await node.synced(1);
  expectAll(node, [0, 1, 2, 3, 4, 6]);
});
