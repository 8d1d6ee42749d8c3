import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Flags by which kube-proxy does one thing and ends. */
const passing = /^--(?:cleanup|version|help|write-config-to|init-only)(?:=(?!(?:false|f|0)?$)|$)|^-h$/i;

/**
 * Ids of processes in our network namespace whose program has the name. Processes in another PID namespace are not seen: in a pod without
 * hostPID these are all but our own. A process that was only started to do one thing (`--cleanup`, `--version`) does not count.
 * @param proc the directory where the kernel tells of processes.
 */
export async function findProcesses(name: string, proc = '/proc'): Promise<readonly number[]> {
  const entries = await readdir(proc).catch(() => []);
  const ids = entries.filter((entry) => /^\d+$/.test(entry));
  const ours = await namespaceOf(proc, 'self');
  const found: number[] = [];
  for (const id of await named(proc, ids, name)) {
    // Of a zombie there is no namespace any more.
    if (ours === undefined || (await namespaceOf(proc, id)) !== ours) continue;
    const words = (await textOf(proc, id, 'cmdline')).split('\0').slice(1);
    if (!words.some((word) => passing.test(word))) found.push(Number(id));
  }
  return found.sort((a, b) => a - b);
}

/** So many files are open at a time: a node may have thousands of processes. */
const atOnce = 64;

async function named(proc: string, ids: readonly string[], name: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (let start = 0; start < ids.length; start += atOnce) {
    const some = ids.slice(start, start + atOnce);
    const names = await Promise.all(some.map((id) => textOf(proc, id, 'comm')));
    found.push(...some.filter((_, index) => names[index] === `${name}\n`));
  }
  return found;
}

/** Empty when the process has ended meanwhile. */
async function textOf(proc: string, id: string, file: 'comm' | 'cmdline'): Promise<string> {
  return readFile(join(proc, id, file), 'utf8').catch(() => '');
}

async function namespaceOf(proc: string, id: string): Promise<string | undefined> {
  return readlink(join(proc, id, 'ns/net')).catch(() => undefined);
}
