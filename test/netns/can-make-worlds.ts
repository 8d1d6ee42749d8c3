import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Holder, searchPath } from './holder.ts';

export type CanMakeWorlds = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const tools = [
  'ip',
  'nft',
  'conntrack',
  'unshare',
  'nsenter',
  'iptables-legacy-restore',
  'iptables-nft-restore',
];

let answer: Promise<CanMakeWorlds> | undefined;

/** Whether this machine has the tools and allows the namespaces that worlds are made of. Tried once per process. */
export function canMakeWorlds(): Promise<CanMakeWorlds> {
  answer ??= probe();
  return answer;
}

async function probe(): Promise<CanMakeWorlds> {
  const script = `for tool in ${tools.join(' ')}; do command -v $tool >/dev/null || echo $tool; done`;
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { env: { PATH: searchPath } });
  const missing = stdout.split('\n').filter((tool) => tool !== '');
  if (missing.length > 0) return { ok: false, reason: `not installed: ${missing.join(', ')}` };
  try {
    const holder = await Holder.start();
    await holder.close();
    return { ok: true };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, reason: `network namespaces are not allowed here: ${reason}` };
  }
}
