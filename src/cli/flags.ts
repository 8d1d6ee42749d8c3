import { modes } from '../config/mode.ts';
import { iptablesVariants, kubeProxyChoices } from '../config/schema.ts';
import { logLevels } from '../observe/log.ts';

/** One flag as help shows it. Without `value` it is a switch, which may be written `--x=false` too. */
export interface FlagDeclaration {
  readonly flag: `--${string}`;
  readonly value?: string;
  /** Words that are allowed; all of them stand in `help` when the placeholder has no room. */
  readonly choices?: readonly string[];
  readonly help: string;
}

export const outputs = ['text', 'json'] as const;
export const familyChoices = ['ipv4', 'ipv6', 'dual'] as const;

/** Every flag of every verb, in the order of help. */
export const flagTable = {
  manifests: {
    flag: '--manifests',
    value: 'directory',
    help: 'read Services, EndpointSlices and Nodes from the YAML and JSON files of a directory',
  },
  kubeconfig: {
    flag: '--kubeconfig',
    value: 'file',
    help: 'follow the API server of a kubeconfig (default: in-cluster, then $KUBECONFIG)',
  },
  master: {
    flag: '--master',
    value: 'url',
    help: 'address of the API server, in place of the one that the kubeconfig or the pod has',
  },
  node: {
    flag: '--node',
    value: 'name',
    help: "name of this machine's Node (default: hostnameOverride, $NODE_NAME, hostname)",
  },
  config: {
    flag: '--config',
    value: 'file',
    help: 'KubeProxyConfiguration, as kube-proxy reads it; flags go before it',
  },
  mode: { flag: '--mode', value: 'mode', choices: modes, help: 'how packets are directed' },
  iptablesVariant: {
    flag: '--iptables-variant',
    value: 'variant',
    choices: iptablesVariants,
    help: `which iptables programs write the rules: ${iptablesVariants.join(', ')} (default: auto, the ones that the node uses)`,
  },
  kubeProxy: {
    flag: '--kube-proxy',
    value: 'choice',
    choices: kubeProxyChoices,
    help: `while kube-proxy, or another nodeplane, works on this node: ${kubeProxyChoices.join(', ')} (default: refuse)`,
  },
  serviceProxyName: {
    flag: '--service-proxy-name',
    value: 'name',
    help: 'serve only Services whose label service.kubernetes.io/service-proxy-name has this value, beside kube-proxy',
  },
  family: {
    flag: '--family',
    value: 'family',
    choices: familyChoices,
    help: 'IP families to serve (default: what the host supports)',
  },
  clusterCidr: {
    flag: '--cluster-cidr',
    value: 'cidr[,cidr]',
    help: 'network of the pods, by which local pods are told from other senders',
  },
  output: { flag: '--output', value: 'format', choices: outputs, help: 'form of the result (default: text)' },
  logLevel: {
    flag: '--log-level',
    value: 'level',
    choices: logLevels,
    help: `least level of log entries: ${logLevels.join(', ')} (default: what logging.verbosity asks for, else info for run and warn for the others)`,
  },
  writeConfigTo: {
    flag: '--write-config-to',
    value: 'file',
    help: 'write the configuration that would hold to a file, and end',
  },
  initOnly: {
    flag: '--init-only',
    help: 'set what needs full privileges (sysctls), and end; after that, CAP_NET_ADMIN is enough (with iptables-legacy, and CAP_NET_RAW)',
  },
  cleanup: { flag: '--cleanup', help: 'do as the verb cleanup does, and end' },
  rules: { flag: '--rules', help: 'show the rule lines under each change' },
  detailedExitcode: {
    flag: '--detailed-exitcode',
    help: 'exit 0 for no difference, 1 for an error, 2 for differences',
  },
} as const satisfies Record<string, FlagDeclaration>;

export type FlagName = keyof typeof flagTable;

/** What the parser found, by name: text, `true` for a switch, absent. */
export type RawFlags = Readonly<Partial<Record<FlagName, string | true>>>;
