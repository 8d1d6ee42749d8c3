import { setTimeout } from 'node:timers/promises';
import { agentFlags } from '../../cluster/agent.ts';
import { Component } from '../../cluster/component.ts';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import { hostOf } from '../../cluster/host.ts';
import { makeKubeProxy } from '../../cluster/kube-proxy.ts';
import type { ClusterNetwork } from '../../cluster/network/network.ts';
import type { NodePlan } from '../../cluster/nodes.ts';
import type { ProxyName } from './options.ts';

/** A program that can be started and ended as often as one likes. */
export interface BenchProxy {
  readonly name: ProxyName;
  /** @returns its process id, and when it was started in milliseconds since 1970. */
  start(): Promise<{ readonly pid: number; readonly started: number }>;
  /** In peace; its rules stay. */
  stop(): Promise<void>;
  /** For messages of failures. */
  lastWords(): string;
}

interface Places {
  readonly network: ClusterNetwork;
  readonly plane: ControlPlane;
  /** The bundled nodeplane. */
  readonly program: string;
}

/** Both programs of a node, with the account and rights that each has in a cluster. */
export async function proxiesOf(
  { network, plane, program }: Places,
  node: Pick<NodePlan, 'name' | 'variant'>,
): Promise<Readonly<Record<ProxyName, BenchProxy>>> {
  const kubeconfig = await plane.agentKubeconfig(node.name);
  const flags = ['--kubeconfig', kubeconfig, ...agentFlags(node.name), '--iptables-variant', node.variant];
  const argv = [process.execPath, program, 'run', ...flags] as const;
  const nodeplane = new Component('nodeplane', () => hostOf(network, node.name).start(argv));
  return {
    nodeplane: proxy('nodeplane', nodeplane),
    'kube-proxy': proxy('kube-proxy', await makeKubeProxy(network, plane, node)),
  };
}

function proxy(name: ProxyName, component: Component): BenchProxy {
  const lastWords = () => component.lines.slice(-15).join('\n');
  return {
    name,
    start: async () => {
      const started = performance.timeOrigin + performance.now();
      component.start();
      for (let tries = 0; tries < 500; tries++) {
        const pid = await component.pid();
        if (pid !== undefined) return { pid, started };
        await setTimeout(10);
      }
      throw new Error(`${name} did not start: ${lastWords()}`);
    },
    stop: async () => void (await component.stop()),
    lastWords,
  };
}
