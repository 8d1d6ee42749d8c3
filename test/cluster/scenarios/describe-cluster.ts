import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../cluster.ts';

const possible = await canMakeWorlds();

/** Tests that share a cluster, which is there when they run. Skipped where there can be none; what failed tells everybody's last words. */
export function describeCluster(
  title: string,
  tests: (cluster: () => Cluster) => void,
  options: ClusterOptions = {},
): void {
  if (!possible.ok) {
    const { reason } = possible;
    it(title, (context) => context.skip(reason));
    return;
  }
  describe(title, () => {
    let started: Cluster | undefined;
    const cluster = (): Cluster => {
      if (started === undefined) throw new Error('the cluster is there when tests run');
      return started;
    };
    beforeAll(async () => {
      started = await startCluster(options);
    });
    afterAll(() => started?.close());
    beforeEach(() => onTestFailed(() => console.error(started?.lastWords())));
    afterEach(() => {
      for (const [node, { process }] of cluster().agents) {
        expect(process.running, `the agent of ${node} runs`).toBe(true);
      }
    });
    tests(cluster);
  });
}
