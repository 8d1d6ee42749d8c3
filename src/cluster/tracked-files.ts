import { join } from 'node:path';
import type { ObjectChange } from '../model/change.ts';
import type { Finding } from '../model/finding.ts';
import { printableName } from '../model/printable.ts';
import { type Breathe, createBreathe } from './breathe.ts';
import { parseFile } from './parse-file.ts';
import { listManifests, readText, type SeenFile } from './read-directory.ts';
import { judge, type Times, type Waiting } from './settle.ts';
import { createShelf, type Shelf } from './shelf.ts';

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

/** What {@link createTrackedFiles} keeps. */
interface State {
  readonly directory: string;
  readonly times: Times;
  readonly proxyName: string | undefined;
  readonly files: Map<string, File>;
  readonly shelf: Shelf;
  readonly breathe: Breathe;
}

interface Looked {
  readonly changes: readonly ObjectChange[];
  readonly inMs: number;
}

export function createTrackedFiles(directory: string, times: Times, proxyName?: string): TrackedFiles {
  const files = new Map<string, File>();
  const shelf = createShelf();
  const state: State = { directory, times, proxyName, files, shelf, breathe: createBreathe() };
  return {
    look: async (all) => {
      const listing = await listManifests(directory);
      const changes: ObjectChange[] = [];
      let inMs = Number.POSITIVE_INFINITY;
      for (const name of new Set([...listing.keys(), ...files.keys()])) {
        const looked = await lookAt(state, name, listing.get(name), all);
        for (const change of looked.changes) changes.push(change);
        inMs = Math.min(inMs, looked.inMs);
        await state.breathe();
      }
      return { changes, inMs };
    },
    findings: () => [
      ...shelf.findings(),
      ...[...files].flatMap(([name, { unreadable }]) => unreadableFile(name, unreadable)),
    ],
  };
}

async function lookAt(state: State, name: string, seen: SeenFile | undefined, all: boolean): Promise<Looked> {
  const { files, shelf, times } = state;
  const file = files.get(name) ?? unread;
  const look = { stamp: seen?.stamp ?? '', empty: seen === undefined || seen.bytes === 0 };
  const verdict = judge(file.applied, file.waiting, look, { now: performance.now(), times });
  const changes = shelf.leaving(name, seen === undefined);
  if (all || verdict.kind === 'read') {
    const read = await readSettled(state, name, seen, all);
    return { changes: [...changes, ...read.changes], inMs: read.inMs };
  }
  if (verdict.kind === 'wait') {
    files.set(name, { ...file, waiting: verdict.waiting });
    return { changes, inMs: verdict.inMs };
  }
  if (seen === undefined) files.delete(name);
  else if (file.waiting) files.set(name, { ...file, waiting: undefined });
  return { changes, inMs: Number.POSITIVE_INFINITY };
}

/** Reads a file unless it has changed since it was seen: then it has not settled and is judged again. */
async function readSettled(
  { directory, files, shelf, times, proxyName, breathe }: State,
  name: string,
  seen: SeenFile | undefined,
  all: boolean,
): Promise<Looked> {
  const inMs = Number.POSITIVE_INFINITY;
  const now = await readText(join(directory, name));
  if (now?.seen.stamp !== seen?.stamp && !all) return { changes: [], inMs: times.settle };
  if (now === undefined) {
    files.delete(name);
    return { changes: shelf.place(name, undefined), inMs };
  }
  const { stamp, unreadable } = now.seen;
  files.set(name, { applied: stamp, waiting: undefined, unreadable });
  if (unreadable !== undefined) return { changes: [], inMs };
  const contents = await parseFile({ name, text: now.text }, shelf.contents(name), breathe, proxyName);
  return { changes: shelf.place(name, contents), inMs };
}

function unreadableFile(name: string, reason: string | undefined): readonly Finding[] {
  if (reason === undefined) return [];
  return [{ code: 'NP-SOURCE-002', object: `File ${printableName(name)}`, field: '', reason }];
}
