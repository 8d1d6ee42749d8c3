import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Flags by which kube-proxy does one thing and ends. */
const passing = /^--(?:cleanup|version|help|write-config-to|init-only)(?:=|$)|^-h$/;

/**
 * Ids of processes in our network namespace whose program has the name. Processes in another PID namespace are not seen: in a pod without
 * hostPID these are all but our own. A process that was only started to do one thing (`--cleanup`, `--version`) does not count.
 * @param proc the directory where the kernel tells of processes.
 */
export async function findProcesses(name: string, proc = '/proc'): Promise<readonly number[]> {
  const entries = await readdir(proc).catch(() => []);
  const ids = entries.filter((entry) => /^\d+$/.test(entry));
  const named = await Promise.all(
    ids.map(async (id) => ((await textOf(proc, id, 'comm')) === `${name}\n` ? id : undefined)),
  );
  const ours = await namespaceOf(proc, 'self');
  const found: number[] = [];
  for (const id of named) {
    // Of a zombie there is no namespace any more.
    if (id === undefined || ours === undefined || (await namespaceOf(proc, id)) !== ours) continue;
    const words = (await textOf(proc, id, 'cmdline')).split('\0').slice(1);
    if (!words.some((word) => passing.test(word))) found.push(Number(id));
  }
  return found.sort((a, b) => a - b);
}

/** Empty when the process has ended meanwhile. */
async function textOf(proc: string, id: string, file: 'comm' | 'cmdline'): Promise<string> {
  return readFile(join(proc, id, file), 'utf8').catch(() => '');
}

async function namespaceOf(proc: string, id: string): Promise<string | undefined> {
  return readlink(join(proc, id, 'ns/net')).catch(() => undefined);
}
