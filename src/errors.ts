import { findingKinds } from './model/finding.ts';

interface ErrorKind {
  /** Message with `{name}` placeholders, filled from the parameters. */
  readonly message: string;
  readonly remedy: string;
}

/**
 * Every error that a user can see, declared once; `docs/errors.md` lists them and a test keeps both equal.
 * `NP-CLI` the command line · `NP-CONFIG` configuration · `NP-SOURCE` where objects come from · `NP-API` the API server ·
 * `NP-RULES` rule text · `NP-KERNEL` programs and the kernel · `NP-CHECK` the look before anything is changed · `NP-SERVE` what the agent serves. Findings about single objects are declared in model/finding.ts.
 */
export const errorKinds = {
  'NP-CLI-001': {
    message: 'No source of objects was given.',
    remedy:
      'Name a kubeconfig with --kubeconfig FILE, or a directory of Service and EndpointSlice YAML with --manifests DIR.',
  },
  'NP-CLI-002': {
    message: 'The value "{value}" of {flag} is not usable: {reason}.',
    remedy: 'Correct the flag; --help after the verb tells what is allowed.',
  },
  'NP-CLI-003': {
    message: '`{command}` has no flag {flag}{hint}.',
    remedy: '`{command} --help` lists its flags.',
  },
  'NP-CLI-004': {
    message: 'nodeplane has no verb {verb}{hint}.',
    remedy: '`nodeplane --help` lists the verbs.',
  },
  'NP-CLI-005': {
    message: 'The command line cannot be read: {reason}.',
    remedy: 'Flags follow the verb; --help after the verb shows examples.',
  },
  'NP-CLI-006': {
    message: 'Something happened that nodeplane did not foresee: {reason}',
    remedy: 'Report it together with the output of the same command and --log-level debug.',
  },
  'NP-CONFIG-001': {
    message: 'The configuration file {file} cannot be read: {reason}.',
    remedy: 'Check the path given by --config and its permissions.',
  },
  'NP-CONFIG-002': {
    message: 'The configuration file {file} is not valid:{problems}',
    remedy: 'Correct the file; docs/configuration.md lists all fields and their defaults.',
  },
  'NP-CONFIG-003': {
    message: 'The configuration asks for {what}, which nodeplane does not offer: {reason}.',
    remedy: 'Change or remove the setting.',
  },
  'NP-CONFIG-004': {
    message: 'The configuration cannot be written to {file}: {reason}.',
    remedy: 'Check the path given by --write-config-to and its permissions.',
  },
  'NP-API-001': {
    message: 'The kubeconfig {file} is not usable: {reason}.',
    remedy: 'Correct the file; `kubectl --kubeconfig FILE get services` must work with it.',
  },
  'NP-API-002': {
    message: 'The API server {server} cannot be reached: {reason}.',
    remedy:
      'Check the address (--master replaces that of the kubeconfig) and the way there. The rules stay as they are; it is tried again.',
  },
  'NP-API-003': {
    message: 'The TLS connection to the API server {server} failed: {reason}.',
    remedy:
      'Check certificate-authority and client certificate of the kubeconfig, and the clock. It is tried again.',
  },
  'NP-API-004': {
    message: 'The API server {server} does not accept our credentials (401) for {verb} {resource}{reason}.',
    remedy:
      'Renew the token or client certificate. Token files are read again; it is tried again with what they hold then.',
  },
  'NP-API-005': {
    message: 'The API server {server} does not let us {verb} {resource} (403){reason}.',
    remedy:
      'Bind the account to the ClusterRole system:node-proxier, or grant that verb on that resource. It is tried again.',
  },
  'NP-API-006': {
    message: 'The API server {server} answered {verb} {resource} with status {status}{reason}.',
    remedy: 'It is tried again. If it stays, look into the log of the API server.',
  },
  'NP-API-007': {
    message: 'The answer of {server} to {verb} {resource} is not one of a Kubernetes API server: {reason}.',
    remedy: 'Check that no proxy or login page stands between. It is tried again.',
  },
  'NP-API-008': {
    message: 'The connection to {server} for {verb} {resource} gave no sign of life for {seconds} s.',
    remedy:
      'Nothing to do: a new connection is made. If it happens often, look for a firewall that forgets connections.',
  },
  'NP-API-009': {
    message: 'The credentials for {server} could not be obtained: {reason}.',
    remedy: 'Check the exec plugin or token file that the kubeconfig names. It is tried again.',
  },
  'NP-API-010': {
    message: 'The API server {server} did not carry {verb} {resource} to its end: {reason}.',
    remedy:
      'It is tried again. If it happens often, look for a proxy or load balancer in between that ends connections.',
  },
  'NP-SOURCE-010': {
    message: 'The manifests directory {directory} cannot be read: {reason}.',
    remedy: 'Check the path given by --manifests and its permissions.',
  },
  'NP-RULES-001': {
    message: 'Line {line} of the {table} table cannot be read: {reason}: {text}',
    remedy: 'If iptables-save printed this line, report it together with the output of `iptables --version`.',
  },
  'NP-KERNEL-001': {
    message: 'The program {program} was not found{hint}.',
    remedy: 'Install it (Debian: apt-get install {package}) or correct PATH.',
  },
  'NP-KERNEL-002': {
    message: '{program} was refused by the kernel: permission denied.',
    remedy:
      'Run as root or with CAP_NET_ADMIN (and CAP_NET_RAW for iptables-legacy) in the network namespace of the node.',
  },
  'NP-KERNEL-003': {
    message: 'Another program held the xtables lock for longer than {seconds} s.',
    remedy: 'Find the holder with `lslocks | grep xtables`; nothing was changed, the next sync tries again.',
  },
  'NP-KERNEL-004': {
    message: '{program} refused line {line}{service}: {reason}: {text}',
    remedy: 'Nothing of the {table} table was applied{before}. The line names the rule that has to change.',
  },
  'NP-KERNEL-005': {
    message: 'The kernel lacks {what}, which {program} asked for{service}.',
    remedy: 'Load the module (modprobe {module}) or use a kernel that has it.',
  },
  'NP-KERNEL-006': {
    message: '{program} was killed by {signal} after {seconds} s{why}.',
    remedy: 'Whether anything was applied is not known; the next sync reads the kernel and tries again.',
  },
  'NP-KERNEL-007': {
    message: '{program} failed: {reason}',
    remedy: 'Nothing of this transaction was applied. The full output stands in the log at level debug.',
  },
  'NP-KERNEL-008': {
    message: 'The setting {path} could not be changed to {value}: {reason}.',
    remedy: 'Set it on the host (sysctl -w), or let nodeplane run with a writable /proc/sys.',
  },
  'NP-KERNEL-009': {
    message: 'The lock file {path} of iptables cannot be opened: {reason}.',
    remedy:
      'Run as root, and give a pod the lock file of its node (hostPath {path}, type FileOrCreate, writable).',
  },
  'NP-KERNEL-010': {
    message: 'The {table} table of {family} holds rules that iptables-nft cannot read.',
    remedy:
      'Another program wrote native nftables rules into it. Find them with `nft list table {nftTable}`.',
  },
  'NP-KERNEL-011': {
    message: 'Connection tracking entries could not be {what}: {reason}.',
    remedy:
      'UDP clients of endpoints that are gone may wait for their entries to expire. It is tried again at the next change.',
  },
  'NP-CHECK-001': {
    message: '{count} things stand in the way; nothing was changed:{problems}',
    remedy: 'Each has its own remedy above; `nodeplane check` looks again.',
  },
  'NP-CHECK-002': {
    message:
      'kube-proxy works on this node{seen} and writes the same chains: each would undo what the other does. Nothing was changed.',
    remedy:
      'Remove it (`kubectl -n kube-system delete daemonset kube-proxy`, or keep it off this node by its nodeSelector), or let nodeplane wait for its end with --kube-proxy wait. To serve labelled Services beside it, set serviceProxyName. --kube-proxy ignore goes on in spite of it.',
  },
  'NP-CHECK-003': {
    message:
      'Another nodeplane works on this node{seen} and writes the same chains: each would undo what the other does. Nothing was changed.',
    remedy:
      'End the other one, or wait for its end with --kube-proxy wait. On one node there may be one with a serviceProxyName, and one without.',
  },
  'NP-CHECK-004': {
    message:
      'The account {account} lacks permissions at the API server {server}: to {missing}. A ClusterRole that is bound to it needs these rules:{rules}',
    remedy:
      'Bind the account to the ClusterRole that comes with nodeplane (deploy/), or to system:node-proxier: `kubectl create clusterrolebinding nodeplane --clusterrole=system:node-proxier {subject}`.',
  },
  'NP-CHECK-005': {
    message: 'This node lacks programs: {programs}.',
    remedy: 'Debian: apt-get install {debian}. Alpine: apk add {alpine}. RHEL: dnf install {rhel}.',
  },
  'NP-CHECK-006': {
    message: 'This node lacks programs that nodeplane can do without: {programs}.',
    remedy: 'Debian: apt-get install {debian}. Alpine: apk add {alpine}. RHEL: dnf install {rhel}.',
  },
  'NP-SERVE-001': {
    message: '{what} cannot listen on {address}: {reason}.',
    remedy: 'Free the port (`ss -lptn`), or choose another address. It is tried again every few seconds.',
  },
  'NP-SERVE-002': {
    message: 'The health check of Service {service} cannot listen on node port {port}: {reason}.',
    remedy:
      'Free the port (`ss -lptn`). It is tried again at the next sync; load balancers see this node as unhealthy until then.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** An error that a user can act upon: code, what happened, what to do. `cause` keeps the lower one. */
export class NodeplaneError extends Error {
  override readonly name = 'NodeplaneError';
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, parameters: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(fill(errorKinds[code].message, parameters), cause === undefined ? {} : { cause });
    this.code = code;
    this.remedy = fill(errorKinds[code].remedy, parameters);
  }
}

/** Every code with its text: errors and findings, sorted, for `docs/errors.md`. */
export function allCodes(): readonly {
  readonly code: string;
  readonly text: string;
  readonly remedy: string;
}[] {
  const errors = Object.entries(errorKinds).map(([code, kind]) => ({
    code,
    text: kind.message,
    remedy: kind.remedy,
  }));
  const findings = Object.entries(findingKinds).map(([code, kind]) => ({
    code,
    text: kind.meaning,
    remedy: kind.remedy,
  }));
  return [...errors, ...findings].sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** Any thrown thing as an Error, so that a `catch` never has to guess. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Text of somebody else in one line that no terminal obeys: control characters, line and direction marks become escapes.
 * For file names, values of flags, names of objects.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (each) => {
    const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[each];
    return short ?? `\\u{${each.codePointAt(0)?.toString(16) ?? ''}}`;
  });
}

function fill(template: string, parameters: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(parameters[name] ?? ''));
}
