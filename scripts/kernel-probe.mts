import { runCommand } from './step.mts';

/** Any one name of a group will do. */
const tools = [
  ['iptables-legacy-restore', 'xtables-legacy-multi'],
  ['xtables-nft-multi'],
  ['nft'],
  ['conntrack'],
  ['ip'],
  ['unshare'],
  ['nsenter'],
] as const;

/** Why kernel suites cannot run here; undefined when they can. */
export async function whyNoKernel(): Promise<string | undefined> {
  const missing: string[] = [];
  for (const names of tools) {
    const found = await Promise.all(
      names.map((name) => runCommand({ argv: ['sh', '-c', `command -v ${name}`] })),
    );
    if (!found.some(({ ok }) => ok)) missing.push(names[0]);
  }
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (npm run setup says how)`;

  const isRoot = process.getuid?.() === 0;
  const { ok, output } = await runCommand({ argv: ['unshare', isRoot ? '-n' : '-Urn', 'true'] });
  if (ok) return undefined;
  return `network namespaces are not allowed here: ${output.trim()}`;
}
