import { type Document, isScalar, parseAllDocuments, visit } from 'yaml';
import { toError } from '../errors.ts';

/** A place where a text is no YAML; line and column count from 1. */
export interface ParseProblem {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

/** What a text says as JSON, or the first place where it cannot be read. */
export type Parsed =
  | { readonly values: readonly unknown[]; readonly problem?: undefined }
  | { readonly problem: ParseProblem };

/** Text that fails as JSON is read again as YAML, which knows the place; beyond this many characters that takes too long. */
const maxReread = 1_000_000;

/**
 * The documents in a text, as JSON values; empty documents are none. YAML 1.2 with the core schema; what begins like JSON is read as
 * JSON first, which is a hundred times faster. Never throws.
 */
export function parseDocuments(text: string): Parsed {
  const json = /^(?:---)?\s*(?=[{[])/.exec(text)?.[0];
  if (json !== undefined) {
    const parsed = parseJson(text, json.length);
    if (parsed.problem === undefined || text.length > maxReread) return parsed;
  }
  return parseYaml(text);
}

function parseJson(text: string, from: number): Parsed {
  try {
    return { values: [JSON.parse(text.slice(from))] };
  } catch (thrown) {
    const { message } = toError(thrown);
    const offset = from + Number(/at position (\d+)/.exec(message)?.[1] ?? 0);
    return { problem: { ...placeOf(text, offset), reason: oneLine(message) } };
  }
}

function parseYaml(text: string): Parsed {
  try {
    const documents = [...parseAllDocuments(text, options)];
    for (const document of documents) {
      const problem = problemOf(document);
      if (problem) return { problem: { ...placeOf(text, problem.offset), reason: oneLine(problem.reason) } };
    }
    return {
      values: documents
        .filter(({ contents }) => contents !== null)
        .map(toJson)
        .filter((value) => value !== null),
    };
  } catch (thrown) {
    // Too many aliases, an alias of itself, nesting deeper than the stack.
    return { problem: { line: 1, column: 1, reason: oneLine(toError(thrown).message) } };
  }
}

/** Duplicate keys are looked for here, in linear time: the library compares each key with each. */
const options = {
  version: '1.2',
  schema: 'core',
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

/** An alias bomb asks for far more. */
const maxAliasCount = 100;

/** Through JSON text, which makes new strings: those of the parser are slices that would keep the whole file in memory. */
function toJson(document: Document): unknown {
  return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount })) ?? 'null');
}

function problemOf(document: Document): { offset: number; reason: string } | undefined {
  const [error] = document.errors;
  if (error) return { offset: error.pos[0], reason: error.message };
  return repeatedKey(document);
}

function repeatedKey(document: Document): { offset: number; reason: string } | undefined {
  let found: { offset: number; reason: string } | undefined;
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name: unknown = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
          found = { offset, reason: `the key ${JSON.stringify(name)} stands twice in one map` };
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return found;
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** Parsers quote the text they failed on: an author's words, cut to one short printable line. */
function oneLine(message: string): string {
  return message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}
