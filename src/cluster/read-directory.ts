import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../errors.ts';

/** One file of a directory as it was seen, without its text. */
export interface SeenFile {
  /** Differs when the file was written or replaced. */
  readonly stamp: string;
  readonly bytes: number;
  /** Why it cannot be read; undefined when it may be. */
  readonly unreadable: string | undefined;
}

const maxBytes = 64 * 1024 * 1024;
/** How many files are looked at at once: enough for the four threads of libuv. */
const atOnce = 64;

/**
 * The manifests of a directory by name, in the order of their names: `*.yaml`, `*.yml` and `*.json`, symbolic links followed (mounted
 * ConfigMaps are made of them), no hidden files, no subdirectories.
 * @throws the error of node:fs when the directory cannot be read
 */
export async function listManifests(directory: string): Promise<ReadonlyMap<string, SeenFile>> {
  const names = (await readdir(directory)).filter(isManifest).sort();
  const seen = new Map<string, SeenFile>();
  for (let first = 0; first < names.length; first += atOnce) {
    const some = names.slice(first, first + atOnce);
    const files = await Promise.all(some.map((name) => look(join(directory, name))));
    for (const [index, name] of some.entries()) {
      const file = files[index];
      if (file) seen.set(name, file);
    }
  }
  return seen;
}

/** Hidden files, and `#web.yaml#` of Emacs, are an editor's own; `web.yaml~` and `web.yaml.bak` end otherwise. */
function isManifest(name: string): boolean {
  return /^[^.#].*\.(?:yaml|yml|json)$/s.test(name);
}

/** The file as it is now; undefined when it is not there or no file (a directory, a FIFO, which would block its reader). */
async function look(path: string): Promise<SeenFile | undefined> {
  try {
    const file = await stat(path, { bigint: true });
    if (!file.isFile()) return undefined;
    return {
      stamp: [file.dev, file.ino, file.size, file.mtimeNs, file.ctimeNs].join(':'),
      bytes: Number(file.size),
      unreadable: file.size > maxBytes ? `is longer than ${maxBytes / 1024 / 1024} MiB` : undefined,
    };
  } catch (thrown) {
    const unreadable = toError(thrown).message;
    return (await exists(path)) ? { stamp: unreadable, bytes: 0, unreadable } : undefined;
  }
}

/** A symbolic link that leads nowhere is there, but cannot be read. */
function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** The text of a file and how the file looked before it was read, or why it cannot be read; undefined when it is not there. */
export async function readText(
  path: string,
): Promise<{ readonly seen: SeenFile; readonly text: string } | undefined> {
  const seen = await look(path);
  if (seen === undefined || seen.unreadable !== undefined) return seen && { seen, text: '' };
  try {
    return { seen, text: await readFile(path, 'utf8') };
  } catch (thrown) {
    return { seen: { ...seen, unreadable: toError(thrown).message }, text: '' };
  }
}
