import type { Family } from '../../src/model/address.ts';
import { bundle } from '../cli/nodeplane.ts';
import { clusterNetwork } from '../netns/addresses.ts';
import { type Answer, ask, createBridge } from './bridge.ts';
import { Component } from './component.ts';
import type { ControlPlane } from './control-plane.ts';
import { hostOf, type Places } from './host.ts';

/** The bundled agent on a node of a world, with the doors that its node would knock at. */
export interface Agent {
  readonly process: Component;
  /** `/healthz` or `/livez`. */
  health(path: string): Promise<Answer>;
  /** A sample of `/metrics` by its name and labels, as it stands there; undefined when it does not. */
  metric(sample: string): Promise<number | undefined>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** Arguments that the agent has besides its kubeconfig. */
export function agentFlags(node: string): readonly string[] {
  const network = (family: Family): string => clusterNetwork[family];
  return ['--node', node, '--cluster-cidr', `${network('IPv4')},${network('IPv6')}`];
}

/** @param flags more of them. */
export async function startAgent(
  world: Places,
  plane: ControlPlane,
  node: string,
  flags: readonly string[] = [],
): Promise<Agent> {
  const kubeconfig = await plane.agentKubeconfig(node);
  const host = hostOf(world, node);
  const argv = [
    process.execPath,
    bundle,
    'run',
    '--kubeconfig',
    kubeconfig,
    ...agentFlags(node),
    ...flags,
  ] as const;
  const agent = new Component('nodeplane', () => host.start([...argv]));
  const doors = { health: `/run/${node}-health.sock`, metrics: `/run/${node}-metrics.sock` };
  const bridge = createBridge(host, {
    [doors.health]: '127.0.0.1:10256',
    [doors.metrics]: '127.0.0.1:10249',
  });
  bridge.start();
  agent.start();
  const metrics = async () => (await ask(host.path(doors.metrics), '/metrics')).body;
  return {
    process: agent,
    health: (path) => ask(host.path(doors.health), path),
    metrics,
    metric: async (sample) => {
      const line = (await metrics()).split('\n').find((each) => each.startsWith(`${sample} `));
      return line === undefined ? undefined : Number(line.slice(sample.length));
    },
    close: async () => {
      await Promise.all([agent, bridge].map((each) => each.stop('SIGKILL')));
    },
  };
}
