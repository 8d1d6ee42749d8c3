import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { toError } from '../errors.ts';
import type { Path } from './problem.ts';

/** One YAML document of a file, with the way back from a field to its line. */
export interface ParsedDocument {
  readonly value: unknown;
  /** `12:3`, line and column of the field at the path, or of the nearest thing around it. */
  locate(path: Path): string;
}

export interface ParsedFile {
  readonly documents: readonly ParsedDocument[];
  /** `12:3: what is wrong`, for text that is no YAML. */
  readonly faults: readonly string[];
}

/** Reads all documents of a file; empty ones are left out. */
export function parseFile(text: string): ParsedFile {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const documents: ParsedDocument[] = [];
  const faults: string[] = [];
  if (!Array.isArray(parsed)) return { documents, faults };
  const place = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${line}:${col}`;
  };
  for (const document of parsed) {
    const found = [...document.errors, ...document.warnings];
    faults.push(...found.map((each) => `${place(each.pos[0])}: ${each.message}`));
    if (found.length > 0) continue;
    try {
      const value: unknown = document.toJS();
      if (value === null) continue;
      documents.push({ value, locate: (path) => place(offsetOf(document.contents, path)) });
    } catch (thrown) {
      faults.push(`${place(document.range[0])}: ${toError(thrown).message}`);
    }
  }
  return { documents, faults };
}

/** Where the key of the field stands; for an absent field, where the group around it stands. */
function offsetOf(contents: unknown, path: Path): number | undefined {
  let offset = isNode(contents) ? contents.range?.[0] : undefined;
  let node = contents;
  for (const key of path) {
    const found = childOf(node, key);
    if (found === undefined) return offset;
    offset = found.offset ?? offset;
    node = found.node;
  }
  return offset;
}

function childOf(
  node: unknown,
  key: string | number,
): { node: unknown; offset: number | undefined } | undefined {
  if (isSeq(node)) {
    const item = typeof key === 'number' ? node.items[key] : undefined;
    return item === undefined
      ? undefined
      : { node: item, offset: isNode(item) ? item.range?.[0] : undefined };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key));
  if (pair === undefined) return undefined;
  return { node: pair.value, offset: isNode(pair.key) ? pair.key.range?.[0] : undefined };
}
