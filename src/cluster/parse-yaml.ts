import { Composer, type CST, type Document, isScalar, Lexer, Parser, visit } from 'yaml';
import { toError } from '../errors.ts';

/** What a text says as JSON, or where and why it cannot be read; `offset` counts UTF-16 units. */
export type Told =
  | { readonly values: readonly unknown[] }
  | { readonly offset: number; readonly reason: string };

/** YAML 1.2 has no merge keys and no other booleans than true and false. */
const options = {
  version: '1.2',
  schema: 'core',
  // Looked for here, in linear time: the library compares each key with each.
  uniqueKeys: false,
  resolveKnownTags: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

/** An alias bomb asks for far more. */
const maxAliasCount = 100;

/**
 * Deeper than any object of Kubernetes. The library recurses, and V8 ends the process, past any catch, when a regular expression is
 * compiled near the end of the stack ("RegExpCompiler Allocation failed").
 */
const maxDepth = 200;

/** The documents in a YAML stream as JSON values; empty documents are none. Never throws. */
export function readYaml(text: string): Told {
  try {
    const documents = [...new Composer(options).compose(tokensOf(text))];
    for (const document of documents) {
      const problem = problemOf(document);
      if (problem) return problem;
    }
    return {
      values: documents
        .map((document) => ownStrings(document.toJS({ maxAliasCount })))
        .filter((value) => value !== null),
    };
  } catch (thrown) {
    // Too deep, too many aliases, an alias of itself.
    const offset = thrown instanceof TooDeep ? thrown.offset : 0;
    return { offset, reason: toError(thrown).message };
  }
}

class TooDeep extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super(`nests deeper than ${maxDepth} levels`);
    this.offset = offset;
  }
}

/** As `Parser.parse`, with an eye on the depth, of which the parser itself keeps a stack. */
function* tokensOf(text: string): Generator<CST.Token> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > maxDepth) throw new TooDeep(parser.offset);
  }
  yield* parser.end();
}

/**
 * The same JSON with strings of its own: those that a parser cut out of a text are slices in V8, which would keep the whole file in
 * memory for as long as one name out of it is used.
 */
function ownStrings(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null');
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
