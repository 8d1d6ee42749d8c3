import type { ObjectChange } from '../model/change.ts';
import type { Finding } from '../model/finding.ts';
import { printableName } from '../model/printable.ts';
import type { Contents } from './parse-file.ts';

/** The contents of all files, each object belonging to the first file in sort order that has it. */
export interface Shelf {
  /** Puts, replaces or (undefined) takes away a file; gives the objects that this changed, in their new state. */
  place(file: string, contents: Contents | undefined): readonly ObjectChange[];
  /**
   * A file that may be on its way out: what it has stays, but gives way to any other file, so that a file renamed or split shows no
   * object twice. Gives what changed.
   */
  leaving(file: string, leaving: boolean): readonly ObjectChange[];
  contents(file: string): Contents | undefined;
  /** What is wrong in the files and between them. */
  findings(): readonly Finding[];
}

/** What {@link createShelf} keeps. */
interface State {
  readonly files: Map<string, Contents>;
  readonly left: Set<string>;
  /** The files that have an object, by its id, the one that counts first. */
  readonly holders: Map<string, readonly string[]>;
  /** Ids that several files have which are not leaving. */
  readonly contested: Set<string>;
}

export function createShelf(): Shelf {
  const state: State = { files: new Map(), left: new Set(), holders: new Map(), contested: new Set() };
  const { files, left, holders, contested } = state;
  return {
    place: (file, contents) => {
      const ids = new Set([...idsOf(files.get(file)), ...idsOf(contents)]);
      return changedBy(state, file, ids, () => {
        left.delete(file);
        if (contents) files.set(file, contents);
        else files.delete(file);
      });
    },
    leaving: (file, leaving) => {
      if (left.has(file) === leaving || !files.has(file)) return [];
      return changedBy(state, file, new Set(idsOf(files.get(file))), () => {
        if (leaving) left.add(file);
        else left.delete(file);
      });
    },
    contents: (file) => files.get(file),
    findings: () => [
      ...[...files.values()].flatMap((contents) => contents.findings),
      ...[...contested].map((id) =>
        twice(
          id,
          (holders.get(id) ?? []).filter((file) => !left.has(file)),
        ),
      ),
      ...unknownKinds(files.values()),
    ],
  };
}

/** Runs `act`, which changes the file, and gives what that changed for the ids. */
function changedBy(
  state: State,
  file: string,
  ids: ReadonlySet<string>,
  act: () => void,
): readonly ObjectChange[] {
  const before = new Map([...ids].map((id) => [id, counting(state, id)]));
  act();
  return [...before].flatMap(([id, old]) => {
    settle(state, id, file);
    const now = counting(state, id) ?? (old && { ...old, object: undefined });
    return now === undefined || now === old ? [] : [now];
  });
}

/** The object as the first of its files has it. */
function counting({ files, holders }: State, id: string): ObjectChange | undefined {
  const [file = ''] = holders.get(id) ?? [];
  return files.get(file)?.objects.get(id);
}

/** Finds out anew which files have the object, `changed` perhaps among them. */
function settle({ files, left, holders, contested }: State, id: string, changed: string): void {
  const rank = (file: string): string => `${left.has(file) ? 1 : 0}${file}`;
  const holding = [...new Set([...(holders.get(id) ?? []), changed])]
    .filter((file) => files.get(file)?.objects.has(id))
    .sort((one, other) => (rank(one) < rank(other) ? -1 : 1));
  if (holding.length > 0) holders.set(id, holding);
  else holders.delete(id);
  if (holding.filter((file) => !left.has(file)).length > 1) contested.add(id);
  else contested.delete(id);
}

function idsOf(contents: Contents | undefined): readonly string[] {
  return [...(contents?.objects.keys() ?? [])];
}

function twice(id: string, [first = '', ...others]: readonly string[]): Finding {
  const reason = `stands in ${[first, ...others].map(printableName).join(' and ')}; ${printableName(first)} counts`;
  return { code: 'NP-SOURCE-003', object: id, field: '', reason };
}

/** One finding for each kind, however many objects. */
function unknownKinds(files: Iterable<Contents>): readonly Finding[] {
  const counts = new Map<string, number>();
  for (const { unknownKinds: some } of files) {
    for (const [kind, count] of some) counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  return [...counts].map(([kind, count]) => ({
    code: 'NP-OBJECT-004',
    object: kind,
    field: '',
    reason: count === 1 ? 'one object is ignored' : `${count} objects are ignored`,
  }));
}
