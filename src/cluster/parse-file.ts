import { createHash } from 'node:crypto';
import type { ObjectChange } from '../model/change.ts';
import type { Finding } from '../model/finding.ts';
import { printableName } from '../model/printable.ts';
import type { Breathe } from './breathe.ts';
import { type Decoded, decode, objectsIn } from './decode.ts';
import { type ParseProblem, parseDocuments } from './parse-document.ts';
import { splitDocuments } from './split-documents.ts';

/** What one file says. */
export interface Contents {
  /** By `Kind namespace/name`. A change without object: it is there, but not for a service proxy. */
  readonly objects: ReadonlyMap<string, ObjectChange>;
  /** How many objects there are of each kind that we do not use. */
  readonly unknownKinds: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  /** Its pieces by digest, so that the next version of the file costs only what changed. */
  readonly pieces: ReadonlyMap<string, ParsedPiece>;
}

/** One document, or what else was cut from the file. Lines count from the piece's first. */
interface ParsedPiece {
  readonly decoded: readonly Decoded[];
  readonly problem: ParseProblem | undefined;
}

interface PlacedPiece extends ParsedPiece {
  readonly line: number;
}

/**
 * Reads the text of a file. What cannot be read keeps its last good state out of `before`: an object that is refused, and when a
 * document is no YAML, all objects that the file does not name any more, because they may stand in that document.
 * @param proxyName as of `decode`; always the same for the same file.
 */
export async function parseFile(
  file: { readonly name: string; readonly text: string },
  before: Contents | undefined,
  breathe: Breathe,
  proxyName?: string,
): Promise<Contents> {
  const pieces = new Map<string, ParsedPiece>();
  const placed: PlacedPiece[] = [];
  for (const { text, line } of splitDocuments(file.text.replace(/^\uFEFF/, ''))) {
    const digest = createHash('sha1').update(text).digest('base64');
    const piece =
      pieces.get(digest) ?? before?.pieces.get(digest) ?? (await parsePiece(text, breathe, proxyName));
    pieces.set(digest, piece);
    placed.push({ ...piece, line });
    await breathe();
  }
  return { ...assemble(file.name, placed, before), pieces };
}

async function parsePiece(
  text: string,
  breathe: Breathe,
  proxyName: string | undefined,
): Promise<ParsedPiece> {
  const parsed = parseDocuments(text);
  if (parsed.problem) return { decoded: [], problem: parsed.problem };
  const decoded: Decoded[] = [];
  for (const value of parsed.values) {
    for (const raw of objectsIn(value)) {
      decoded.push(decode(raw, proxyName));
      await breathe();
    }
  }
  return { decoded, problem: undefined };
}

function assemble(
  name: string,
  pieces: readonly PlacedPiece[],
  before: Contents | undefined,
): Omit<Contents, 'pieces'> {
  const objects = new Map<string, ObjectChange>();
  const unknownKinds = new Map<string, number>();
  const findings: Finding[] = [];
  const refused = new Set<string>();
  for (const { line, decoded, problem } of pieces) {
    if (problem) findings.push(notParsed(name, line, problem));
    for (const each of decoded) {
      if (each.outcome === 'alien') {
        const object = fileObject(name, line, 1);
        findings.push({ code: 'NP-OBJECT-001', object, field: '', reason: each.reason });
      } else if (each.outcome === 'unknown') {
        unknownKinds.set(each.kind, (unknownKinds.get(each.kind) ?? 0) + 1);
      } else {
        findings.push(...each.findings);
        if (each.outcome === 'refuse' && each.id !== undefined) refused.add(each.id);
        if (each.outcome === 'change') place(each, objects, findings, name);
      }
    }
  }
  const broken = pieces.some(({ problem }) => problem !== undefined);
  for (const [id, change] of before?.objects ?? []) {
    if (!objects.has(id) && (broken || refused.has(id))) objects.set(id, change);
  }
  return { objects, unknownKinds, findings };
}

function place(
  { id, change }: Extract<Decoded, { outcome: 'change' }>,
  objects: Map<string, ObjectChange>,
  findings: Finding[],
  file: string,
): void {
  if (!objects.has(id)) objects.set(id, change);
  else {
    const reason = `stands twice in ${printableName(file)}; the first counts`;
    findings.push({ code: 'NP-SOURCE-003', object: id, field: '', reason });
  }
}

function notParsed(name: string, firstLine: number, { line, column, reason }: ParseProblem): Finding {
  return { code: 'NP-SOURCE-001', object: fileObject(name, firstLine + line - 1, column), field: '', reason };
}

/** `File web.yaml:12:3`, as compilers name a place. */
function fileObject(name: string, line: number, column: number): string {
  return `File ${printableName(name)}:${line}:${column}`;
}
