import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parse } from '../../src/cli/parse.ts';
import { readSettings } from '../../src/cli/settings.ts';
import type { Config } from '../../src/config/defaults.ts';
import { loadConfig } from '../../src/config/load.ts';

/**
 * What a container would work by.
 * @param args behind the program's name.
 * @param files of the ConfigMap that it sees, by their names.
 * @throws NodeplaneError as the agent does for arguments or a file that it refuses.
 */
export async function configOf(
  args: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<Config> {
  const invocation = parse(args, 'test', 80);
  if (invocation.kind !== 'call' || invocation.verb.name !== 'run')
    throw new Error(`not a run: ${args.join(' ')}`);
  const { configFile = '', config: flags, ignored } = readSettings(invocation.flags, invocation.kubeProxy);
  if (ignored.length > 0) throw new Error(`flags without effect: ${ignored.join(' ')}`);
  const text = files[basename(configFile)];
  if (text === undefined) throw new Error(`the ConfigMap has no ${basename(configFile)}`);
  const directory = mkdtempSync(join(tmpdir(), 'nodeplane-deploy-'));
  try {
    const file = join(directory, 'config.yaml');
    writeFileSync(file, text);
    return await loadConfig({ file, flags, host: { nodeName: 'node-1', hostname: 'node-1' } });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
