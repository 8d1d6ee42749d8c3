import { readFile } from 'node:fs/promises';
import { NodeplaneError, printable, toError } from '../errors.ts';
import type { Config } from './defaults.ts';
import { type ConfigurationFile, noFile, readConfigurationFile, readDocuments } from './file.ts';
import { blamed, type ConfigFlags, withFlags } from './flags.ts';
import { hostnameOverrideOf } from './kube-proxy.ts';
import { type HostIdentity, nodeNameOf } from './node-name.ts';
import type { Complain, Problem } from './problem.ts';
import { idleFields } from './requests.ts';
import { settle } from './settle.ts';

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
  const content = file === undefined ? noFile : readConfigurationFile(await textOf(file));
  const values = withFlags(content.values, flags.fields ?? []);
  const documents = readDocuments(values);
  const problems: Problem[] = [];
  const complain: Complain = (path, text, ...others) => problems.push({ path, text, with: others });
  const settled = settle(documents, flags, host, complain);
  const override = hostnameOverrideOf(documents.kubeProxy, complain);
  for (const problem of problems) {
    const error = blamed(problem, flags.fields ?? []);
    if (error !== undefined) throw error;
  }
  refuseFaults(file, content, problems);
  const withoutEffect = [
    ...idleFields('KubeProxyConfiguration', values.KubeProxyConfiguration),
    ...idleFields('NodeplaneConfiguration', values.NodeplaneConfiguration),
  ];
  return { ...settled, nodeName: nodeNameOf(flags.nodeName, override, host), withoutEffect };
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((thrown: unknown) => {
    // `ENOENT: no such file or directory, open '…'`: the path is told already.
    const reason = toError(thrown).message.replace(/^(\w+: [^,]*),.*$/s, '$1');
    throw new NodeplaneError('NP-CONFIG-001', { file: printable(file), reason }, thrown);
  });
}

function refuseFaults(
  file: string | undefined,
  content: ConfigurationFile,
  problems: readonly Problem[],
): void {
  const faults = [...content.faults, ...problems.map((problem) => content.faultOf(problem))];
  const [first] = faults;
  if (first === undefined) return;
  if (file === undefined) throw new Error(`the defaults are not valid: ${first}`);
  const told = faults.slice(0, toldFaults).map((fault) => `\n${printable(`${file}:${fault}`)}`);
  const more = faults.length > told.length ? `\nand ${faults.length - told.length} more` : '';
  throw new NodeplaneError('NP-CONFIG-002', { file: printable(file), problems: `${told.join('')}${more}` });
}
