import { mkdir, symlink } from 'node:fs/promises';
import { families } from '../../src/model/address.ts';
import { clusterNetwork } from '../netns/addresses.ts';
import { binary } from './binaries.ts';
import { Component } from './component.ts';
import type { ControlPlane } from './control-plane.ts';
import { hostOf, type Places } from './host.ts';
import type { NodePlan } from './nodes.ts';
import type { User } from './users.ts';

/** Its rights come from a role that the API server itself makes. */
export const kubeProxyUser: User = { name: 'system:kube-proxy', groups: [] };

/** The real kube-proxy of a node, in mode iptables, with the node's variant for what it calls `iptables`. It is not started yet. */
export async function makeKubeProxy(
  world: Places,
  plane: ControlPlane,
  node: Pick<NodePlan, 'name' | 'variant'>,
): Promise<Component> {
  const kubeconfig = await plane.kubeconfig(kubeProxyUser);
  const argv = [
    ...(await kubeProxyProgram(world, node)),
    '--proxy-mode=iptables',
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${node.name}`,
    `--cluster-cidr=${families.map((family) => clusterNetwork[family]).join(',')}`,
    // Sysctls of connection tracking cannot be written in a network namespace.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ] as const;
  return new Component('kube-proxy', () => hostOf(world, node.name).start(argv));
}

/** Words that start it on a node, before its flags. */
export async function kubeProxyProgram(
  world: Pick<Places, 'path'>,
  { name, variant }: Pick<NodePlan, 'name' | 'variant'>,
): Promise<readonly [string, ...string[]]> {
  const path = `/run/iptables-${name}`;
  await linkPrograms(world.path(path), variant);
  const directories = `${path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  return ['env', `PATH=${directories}`, await binary('kube-proxy')];
}

/** As Debian's alternatives and the wrapper in kube-proxy's image do. */
async function linkPrograms(directory: string, variant: NodePlan['variant']): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (made === undefined) return;
  for (const prefix of ['iptables', 'ip6tables']) {
    for (const suffix of ['', '-save', '-restore']) {
      await symlink(`/usr/sbin/${prefix}-${variant}${suffix}`, `${directory}/${prefix}${suffix}`);
    }
  }
}
