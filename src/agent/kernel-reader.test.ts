import { describe, expect, it } from 'vitest';
import { FakeNode } from '../../test/agent/fake-node.ts';
import { nodeA, pod, web } from '../../test/agent/services.ts';

async function withNode(use: (node: FakeNode) => Promise<void>): Promise<void> {
  const node = new FakeNode().start();
  try {
    await use(node);
  } finally {
    node.programs.release();
    await node.stop();
  }
}

describe('a comparison beside syncs', () => {
  it('says that all is ours, and leaves out what is written meanwhile', () =>
    withNode(async (node) => {
      node.source.tell([nodeA, ...web(1)]);
      await node.synced(1);
      node.programs.fault = (program) => (program === 'save' ? 'hangs' : undefined);
      const comparing = node.compare('IPv4');
      node.source.tell([nodeA, ...web(1), ...web(2)]);
      await node.pass(5000);
      expect(node.rules()).toContain(pod(2));
      node.programs.fault = () => undefined;
      node.programs.release();
      expect(await comparing).toMatch(/^[\w+/]{43}=$/);
      expect(node.reports.filter(({ full }) => full)).toHaveLength(1);
    }));

  it('does not go on when the agent ends', () =>
    withNode(async (node) => {
      node.source.tell([nodeA, ...web(1)]);
      await node.synced(1);
      node.programs.fault = (program) => (program === 'save' ? 'hangs' : undefined);
      const comparing = node.compare('IPv4');
      await node.stop();
      expect(await comparing).toBeUndefined();
    }));

  it('does not make a first sync that takes long be followed by another one', () =>
    withNode(async (node) => {
      // What is tried out beforehand has ended.
      await node.pass(100);
      node.programs.fault = (program) => (program === 'restore' ? 'hangs' : undefined);
      node.source.tell([nodeA, ...web(1)]);
      await node.pass(4000);
      const compared = node.compare('IPv4');
      await node.pass(100);
      node.programs.fault = () => undefined;
      node.programs.release();
      await node.synced(1);
      await node.pass(5000);
      expect(await compared).toBeUndefined();
      expect(node.reports).toHaveLength(1);
    }));

  it('repairs what somebody else changed', () =>
    withNode(async (node) => {
      node.source.tell([nodeA, ...web(1)]);
      await node.synced(1);
      const before = node.rules();
      node.programs.fakes.IPv4.restore('*nat\n-F KUBE-SERVICES\nCOMMIT\n', { noflush: true });
      const comparing = node.compare('IPv4');
      await node.pass(5000);
      expect(await comparing).toBeUndefined();
      expect(node.rules()).toBe(before);
      expect(node.happenings.some(({ kind }) => kind === 'drift-found')).toBe(true);
    }));
});
