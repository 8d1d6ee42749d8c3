import type { CommandResult } from '../../src/kernel/exec.ts';
import type { Family } from '../../src/model/address.ts';
import { bundle, nodeplane } from '../cli/nodeplane.ts';
import { clusterNetwork } from '../netns/addresses.ts';
import type { World } from '../netns/world.ts';
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
  /** `nodeplane diff` with its account and flags: exit code 0 when the kernel holds what the API server wants. */
  diff(): Promise<CommandResult>;
  close(): Promise<void>;
}

let agentsEver = 0;

/** Arguments that the agent has besides its kubeconfig. */
export function agentFlags(node: string): readonly string[] {
  const network = (family: Family): string => clusterNetwork[family];
  return ['--node', node, '--cluster-cidr', `${network('IPv4')},${network('IPv6')}`];
}

/**
 * @param flags more of them, which `diff` knows too.
 * @param program another bundle than the one that was built last.
 */
export async function startAgent(
  world: Places & Pick<World, 'exec'>,
  plane: ControlPlane,
  node: string,
  flags: readonly string[] = [],
  program: string = bundle,
): Promise<Agent> {
  const kubeconfig = await plane.agentKubeconfig(node);
  const host = hostOf(world, node);
  const all = ['--kubeconfig', kubeconfig, ...agentFlags(node), ...flags];
  const argv = [process.execPath, program, 'run', ...all] as const;
  const agent = new Component('nodeplane', () => host.start([...argv]));
  // Another one may have been on the node, or be there.
  const number = ++agentsEver;
  const doors = {
    health: `/run/${node}-${number}-health.sock`,
    metrics: `/run/${node}-${number}-metrics.sock`,
  };
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
    diff: () => nodeplane(world.exec(node), 'diff', ...all),
    close: async () => {
      await Promise.all([agent, bridge].map((each) => each.stop('SIGKILL')));
    },
  };
}
