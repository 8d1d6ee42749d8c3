import { readFile } from 'node:fs/promises';
import { NodeplaneError, printable, toError } from '../errors.ts';
import { type Config, defaultConfig } from './defaults.ts';
import { type ConfigurationFile, emptyKubeProxy, readConfigurationFile } from './file.ts';
import { hostnameOverrideOf, routingOf, syncOf } from './kube-proxy.ts';
import { type Mode, modes, readMode } from './mode.ts';
import { didYouMean } from './nearest.ts';
import { isNodeName, readClusterCIDR } from './networks.ts';
import type { Complain, Problem } from './problem.ts';
import type { IptablesVariant, KubeProxyConfiguration } from './schema.ts';

/** What the command line says about the configuration; each goes before the file. */
export interface ConfigFlags {
  readonly mode?: string | undefined;
  readonly iptablesVariant?: IptablesVariant | undefined;
  readonly nodeName?: string | undefined;
  readonly clusterCIDR?: string | undefined;
}

/** What the machine says about itself; read at the edge. */
export interface HostIdentity {
  /** `$NODE_NAME`. */
  readonly nodeName: string | undefined;
  readonly hostname: string;
}

/** More faults of a file are counted, not told. */
const toldFaults = 8;

/**
 * Defaults, then the file, then the flags, as one checked value.
 * @throws NodeplaneError `NP-CONFIG-*` for the file, `NP-CLI-002` for a flag.
 */
export async function loadConfig(input: {
  readonly file?: string | undefined;
  readonly flags: ConfigFlags;
  readonly host: HostIdentity;
}): Promise<Config> {
  const { file, flags, host } = input;
  const content = file === undefined ? undefined : readConfigurationFile(await textOf(file));
  const document = content?.kubeProxy ?? emptyKubeProxy;
  const problems: Problem[] = [];
  const complain: Complain = (path, text) => problems.push({ path, text });
  const settled = {
    mode: modeOfFlag(flags.mode) ?? modeOfFile(document, complain),
    routing: routingOf(document, clusterCIDROfFlag(flags.clusterCIDR), complain),
    sync: syncOf(document, complain),
  };
  const override = hostnameOverrideOf(document, complain);
  if (file !== undefined && content !== undefined) refuseFaults(file, content, problems);
  const { client, conntrack, serving, events, oomScoreAdj } = defaultConfig;
  return {
    ...settled,
    ...{ client, conntrack, serving, events, oomScoreAdj },
    iptablesVariant:
      flags.iptablesVariant ?? (content?.nodeplane.iptables?.variant || defaultConfig.iptablesVariant),
    nodeName: nodeNameOf(flags.nodeName, override, host),
    withoutEffect: content?.withoutEffect ?? [],
  };
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((thrown: unknown) => {
    // `ENOENT: no such file or directory, open '…'`: the path is told already.
    const reason = toError(thrown).message.replace(/^(\w+: [^,]*),.*$/s, '$1');
    throw new NodeplaneError('NP-CONFIG-001', { file: printable(file), reason }, thrown);
  });
}

function modeOfFlag(word: string | undefined): Mode | undefined {
  if (word === undefined) return undefined;
  const mode = readMode(word);
  if (mode !== undefined) return mode;
  throw flagError('--mode', word, `there is no such mode${didYouMean(word, modes)}`);
}

function modeOfFile(document: KubeProxyConfiguration, complain: Complain): Mode {
  const word = document.mode || defaultConfig.mode;
  const mode = readMode(word);
  if (mode === undefined) {
    complain(['mode'], `there is no mode ${JSON.stringify(word.slice(0, 80))}${didYouMean(word, modes)}`);
  }
  return mode ?? defaultConfig.mode;
}

function clusterCIDROfFlag(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  return readClusterCIDR(text, (reason) => {
    throw flagError('--cluster-cidr', text, reason);
  });
}

function refuseFaults(file: string, content: ConfigurationFile, problems: readonly Problem[]): void {
  const faults = [...content.faults, ...problems.map((problem) => content.faultOf(problem))];
  if (faults.length === 0) return;
  const told = faults.slice(0, toldFaults).map((fault) => `\n${printable(`${file}:${fault}`)}`);
  const more = faults.length > told.length ? `\nand ${faults.length - told.length} more` : '';
  throw new NodeplaneError('NP-CONFIG-002', { file: printable(file), problems: `${told.join('')}${more}` });
}

/** The machine's own name is taken as it is, in lower case as kubelet registers it. */
function nodeNameOf(flag: string | undefined, override: string | undefined, host: HostIdentity): string {
  if (flag !== undefined && !isNodeName(flag)) {
    throw flagError('--node', flag, 'a Node is named with lower-case letters, digits, "-" and "."');
  }
  const name = flag ?? override ?? (host.nodeName || host.hostname.trim().toLowerCase());
  if (isNodeName(name)) return name;
  throw flagError(
    '--node',
    name,
    `the name comes from ${host.nodeName ? '$NODE_NAME' : 'the hostname'} and no Node can have it`,
  );
}

function flagError(flag: string, value: string, reason: string): NodeplaneError {
  return new NodeplaneError('NP-CLI-002', { flag, value: printable(value.slice(0, 80)), reason });
}
