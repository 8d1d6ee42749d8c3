/** The lines of a document and how far they are read. */
interface Lines {
  readonly lines: readonly string[];
  next: number;
}

/** Thrown for whatever is beyond the plain part of YAML; the caller then asks the library. */
const notPlain = new Error('not plain');

const maxDepth = 100;

/**
 * The value of a document in the part of YAML that kubectl prints: block maps and lists, literal blocks, scalars of one line, and
 * people's `[a, b]`, in printable ASCII. Undefined for anything else, also for what is wrong: the library then reads it or names the place. Ten times faster than
 * the library, which takes seconds for the Services of a large cluster. What it reads is what the library reads (a test compares).
 */
export function parsePlainYaml(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!/^(?:---\n)?[A-Za-z]/.test(text) || /[^\x20-\x7e\n]/.test(text)) return undefined;
  const lines = text.split('\n');
  const at: Lines = { lines, next: lines[0] === '---' ? 1 : 0 };
  try {
    const value = readMap(at, 0, 0);
    if (indentOfNext(at) !== -1) return undefined;
    return value;
  } catch (thrown) {
    if (thrown === notPlain) return undefined;
    throw thrown;
  }
}

/** `key: value`, and `key:` alone; what a key or value may look like is told below. */
const entry = /^([A-Za-z_][\w./-]*):(?: +(\S.*))?$/;

function readMap(
  at: Lines,
  indent: number,
  depth: number,
  first?: string,
): Readonly<Record<string, unknown>> {
  if (depth > maxDepth) throw notPlain;
  const map = new Map<string, unknown>();
  let content = first;
  while (content !== undefined || (indentOfNext(at) === indent && !startsItem(at, indent))) {
    content ??= (at.lines[at.next++] ?? '').slice(indent);
    const [, key = '', value] = entry.exec(content) ?? [];
    if (key === '' || map.has(key) || /^(?:null|true|false|__proto__)$/i.test(key)) throw notPlain;
    map.set(key, value === undefined ? readNested(at, indent, depth) : readValue(at, indent, value));
    content = undefined;
  }
  if (indentOfNext(at) > indent) throw notPlain;
  return Object.fromEntries(map);
}

/** What stands below `key:`, a list perhaps at the indentation of the key itself. */
function readNested(at: Lines, indent: number, depth: number): unknown {
  const below = indentOfNext(at);
  if (below >= indent && startsItem(at, below)) return readList(at, below, depth + 1);
  if (below > indent) return readMap(at, below, depth + 1);
  return null;
}

function readList(at: Lines, indent: number, depth: number): readonly unknown[] {
  const list: unknown[] = [];
  while (indentOfNext(at) === indent && startsItem(at, indent)) {
    const line = at.lines[at.next++] ?? '';
    const content = line.slice(indent + 1).trimStart();
    if (entry.test(content)) list.push(readMap(at, line.length - content.length, depth + 1, content));
    else list.push(readScalar(content));
  }
  if (indentOfNext(at) > indent) throw notPlain;
  return list;
}

/** A value on the line of its key, or the literal block that begins there. */
function readValue(at: Lines, indent: number, value: string): unknown {
  if (value === '|' || value === '|-') return readLiteral(at, indent, value);
  return value.startsWith('[') ? readRow(value) : readScalar(value);
}

/** A list of scalars on one line: `[a, "b"]`. */
function readRow(text: string): readonly unknown[] {
  const inner = /^\[(.*)\]$/.exec(text)?.[1];
  if (inner === undefined) throw notPlain;
  return inner === '' ? [] : inner.split(', ').map(readScalar);
}

/** Lines as they are, less their indentation, as far as they are indented deeper than the key. */
function readLiteral(at: Lines, parent: number, style: '|' | '|-'): string {
  const first = at.lines[at.next] ?? '';
  const indent = indentOf(first);
  if (indent <= parent || indent === first.length) throw notPlain;
  const content: string[] = [];
  for (; at.next < at.lines.length; at.next++) {
    const line = at.lines[at.next] ?? '';
    if (line.trim() === '' && line.length <= indent) content.push('');
    else if (indentOf(line) >= indent) content.push(line.slice(indent));
    else break;
  }
  while (content.at(-1) === '') content.pop();
  return content.join('\n') + (style === '|' ? '\n' : '');
}

/** Whatever the core schema could take for a number. */
const numeric =
  /^(?:0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

function readScalar(text: string): unknown {
  if (/^(?:"[^"\\]*"|'[^']*')$/.test(text)) return text.slice(1, -1);
  if (text === '{}') return {};
  if (text === 'null') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?(?:0|[1-9]\d{0,14})$/.test(text) && text !== '-0') return Number(text);
  if (!/^[\w./][\w./:@+=-]*$/.test(text) || text.endsWith(':')) throw notPlain;
  if (numeric.test(text) || /^(?:null|true|false)$/i.test(text)) throw notPlain;
  return text;
}

/** The indentation of the next line that says something, to which it moves on; -1 at the end. */
function indentOfNext(at: Lines): number {
  for (; at.next < at.lines.length; at.next++) {
    const line = at.lines[at.next] ?? '';
    const indent = indentOf(line);
    if (indent < line.length && line[indent] !== '#') return indent;
  }
  return -1;
}

function startsItem({ lines, next }: Lines, indent: number): boolean {
  return lines[next]?.startsWith('- ', indent) ?? false;
}

function indentOf(line: string): number {
  let indent = 0;
  while (line[indent] === ' ') indent++;
  return indent;
}
