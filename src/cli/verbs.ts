import type { FlagName } from './flags.ts';
import type { PerformVerb } from './verb.ts';

/** One verb as help shows it; its code is loaded when it is called for. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly flags: readonly FlagName[];
  /** Takes kube-proxy's flags besides, so that the arguments of its DaemonSet work. */
  readonly takesKubeProxyFlags?: boolean;
  readonly examples: readonly Example[];
  readonly load: () => Promise<PerformVerb>;
}

interface Example {
  readonly does: string;
  readonly command: string;
}

const machineFlags = [
  'config',
  'mode',
  'iptablesVariant',
  'serviceProxyName',
  'family',
  'output',
  'logLevel',
] as const;
const sourceFlags = ['manifests', 'kubeconfig', 'master', 'node', 'clusterCidr', ...machineFlags] as const;

export const verbs: readonly Verb[] = [
  {
    name: 'run',
    summary: 'the agent: follow the cluster and keep the rules of this node up to date',
    description:
      'Reads the objects, programs the rules, and follows every change until SIGTERM or SIGINT. The rules stay when it ends.',
    flags: [...sourceFlags, 'kubeProxy', 'writeConfigTo', 'initOnly', 'cleanup'],
    takesKubeProxyFlags: true,
    examples: [
      { does: 'Follow the API server', command: 'nodeplane run --kubeconfig /etc/nodeplane/kubeconfig' },
      {
        does: 'In the place of kube-proxy, with its arguments',
        command: 'nodeplane run --config=/var/lib/kube-proxy/config.conf --v=2',
      },
      { does: 'Follow a directory', command: 'nodeplane run --manifests /etc/nodeplane/manifests' },
    ],
    load: async () => (await import('./verbs/run.ts')).run,
  },
  {
    name: 'check',
    summary: 'what stands in the way on this node, before anything is changed',
    description:
      'Looks for kube-proxy and another nodeplane, for the programs, the kernel and the permissions that `run` needs, and changes nothing. ' +
      'Exits with 0 when nothing stands in the way, 1 when something does.',
    flags: [...sourceFlags, 'kubeProxy'],
    takesKubeProxyFlags: true,
    examples: [
      {
        does: 'Before kube-proxy is replaced',
        command: 'nodeplane check --kubeconfig /etc/nodeplane/kubeconfig',
      },
    ],
    load: async () => (await import('./verbs/check.ts')).check,
  },
  {
    name: 'apply',
    summary: 'one sync in the current network namespace',
    description:
      'Brings the rules of this network namespace to what the objects want, writes only what differs, and ends.',
    flags: [...sourceFlags, 'kubeProxy'],
    examples: [
      { does: 'Program a directory once', command: 'nodeplane apply --manifests ./cluster --node worker-1' },
    ],
    load: async () => (await import('./verbs/apply.ts')).apply,
  },
  {
    name: 'diff',
    summary: 'what apply would change',
    description:
      'Compares the wanted rules with those in the kernel, Service by Service, and changes nothing. ' +
      'Exits with 0 when nothing differs, 1 when something does, 2 or more after an error.',
    flags: ['rules', 'detailedExitcode', ...sourceFlags],
    examples: [
      { does: 'Look before you apply', command: 'nodeplane diff --manifests ./cluster' },
      { does: 'With the rule lines', command: 'nodeplane diff --manifests ./cluster --rules' },
      {
        does: 'In a script',
        command: "nodeplane diff --manifests ./cluster --output json | jq '.summary'",
      },
    ],
    load: async () => (await import('./verbs/diff.ts')).diff,
  },
  {
    name: 'render',
    summary: 'the whole rule text, as it would be sent to an empty kernel',
    description: 'Prints what iptables-restore and ip6tables-restore would get. Changes nothing.',
    flags: sourceFlags,
    examples: [
      { does: 'Read the rules', command: 'nodeplane render --manifests ./cluster | less' },
      {
        does: 'Let iptables check them',
        command: 'nodeplane render --manifests ./cluster --family ipv4 | iptables-restore --test',
      },
    ],
    load: async () => (await import('./verbs/render.ts')).render,
  },
  {
    name: 'cleanup',
    summary: 'remove our rules',
    description:
      'Removes every chain and rule of nodeplane from this network namespace, of both families and both iptables variants. ' +
      'Services stop working on this node until something else programs them. ' +
      'While kube-proxy or nodeplane works here, whose chains these are, it refuses.',
    flags: [...machineFlags, 'kubeProxy'],
    examples: [{ does: 'Leave nothing behind', command: 'nodeplane cleanup' }],
    load: async () => (await import('./verbs/cleanup.ts')).cleanup,
  },
];
