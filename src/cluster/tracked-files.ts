import { join } from 'node:path';
import type { ObjectChange } from '../model/change.ts';
import type { Finding } from '../model/finding.ts';
import { printableName } from '../model/printable.ts';
import { createBreathe } from './breathe.ts';
import { parseFile } from './parse-file.ts';
import { listManifests, readText, type SeenFile } from './read-directory.ts';
import { judge, type Times, type Waiting } from './settle.ts';
import { createShelf } from './shelf.ts';

/** The files of a directory as they were read last. */
export interface TrackedFiles {
  /**
   * Looks at every file and reads those that changed and have settled (`all`: every one at once). `inMs`: when to look again for a file
   * that has not settled; infinite when there is none.
   * @throws the error of node:fs when the directory cannot be read; nothing has changed then
   */
  look(all: boolean): Promise<{ readonly changes: readonly ObjectChange[]; readonly inMs: number }>;
  /** What is wrong in the files as they were read last. */
  findings(): readonly Finding[];
}

interface File {
  /** {@link SeenFile.stamp} of what was read last; empty: it was never read. */
  readonly applied: string;
  readonly waiting: Waiting | undefined;
  /** Why it could not be read; its last good state stays. */
  readonly unreadable: string | undefined;
}

const unread: File = { applied: '', waiting: undefined, unreadable: undefined };

export function createTrackedFiles(directory: string, times: Times): TrackedFiles {
  const files = new Map<string, File>();
  const shelf = createShelf();
  const breathe = createBreathe();

  /** Reads a file that has settled. Whether it is still as it was seen; if not, it is judged again. */
  const read = async (name: string, seen: SeenFile | undefined, all: boolean) => {
    const now = await readText(join(directory, name));
    if (now?.seen.stamp !== seen?.stamp && !all) return { settled: false, changes: [] };
    if (now === undefined) {
      files.delete(name);
      return { settled: true, changes: shelf.place(name, undefined) };
    }
    const { stamp, unreadable } = now.seen;
    files.set(name, { applied: stamp, waiting: undefined, unreadable });
    if (unreadable !== undefined) return { settled: true, changes: [] };
    const contents = await parseFile({ name, text: now.text }, shelf.contents(name), breathe);
    return { settled: true, changes: shelf.place(name, contents) };
  };

  const lookAt = async (name: string, seen: SeenFile | undefined, all: boolean) => {
    const file = files.get(name) ?? unread;
    const look = { stamp: seen?.stamp ?? '', empty: seen === undefined || seen.bytes === 0 };
    const verdict = judge(file.applied, file.waiting, look, { now: performance.now(), times });
    const changes = [...shelf.leaving(name, seen === undefined)];
    if (all || verdict.kind === 'read') {
      const { settled, changes: more } = await read(name, seen, all);
      return { changes: [...changes, ...more], inMs: settled ? Number.POSITIVE_INFINITY : times.settle };
    }
    if (verdict.kind === 'wait') {
      files.set(name, { ...file, waiting: verdict.waiting });
      return { changes, inMs: verdict.inMs };
    }
    if (seen === undefined) files.delete(name);
    else if (file.waiting) files.set(name, { ...file, waiting: undefined });
    return { changes, inMs: Number.POSITIVE_INFINITY };
  };

  return {
    look: async (all) => {
      const listing = await listManifests(directory);
      const changes: ObjectChange[] = [];
      let inMs = Number.POSITIVE_INFINITY;
      for (const name of new Set([...listing.keys(), ...files.keys()])) {
        const looked = await lookAt(name, listing.get(name), all);
        for (const change of looked.changes) changes.push(change);
        inMs = Math.min(inMs, looked.inMs);
        await breathe();
      }
      return { changes, inMs };
    },
    findings: () => [
      ...shelf.findings(),
      ...[...files].flatMap(([name, { unreadable }]) => unreadableFile(name, unreadable)),
    ],
  };
}

function unreadableFile(name: string, reason: string | undefined): readonly Finding[] {
  if (reason === undefined) return [];
  return [{ code: 'NP-SOURCE-002', object: `File ${printableName(name)}`, field: '', reason }];
}
