import { toError } from '../errors.ts';
import { readYaml, type Told } from './parse-yaml.ts';

/** A place where a text cannot be read; line and column count from 1. */
export interface ParseProblem {
  readonly line: number;
  readonly column: number;
  /** One short printable line. */
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
 * JSON first, which is many times faster. Never throws.
 */
export function parseDocuments(text: string): Parsed {
  const told = readText(text);
  if ('values' in told) return told;
  return { problem: { ...placeOf(text, told.offset), reason: oneLine(told.reason) } };
}

function readText(text: string): Told {
  const beforeJson = /^(?:---)?\s*(?=[{[])/.exec(text)?.[0];
  if (beforeJson === undefined) return readYaml(text);
  const told = readJson(text, beforeJson.length);
  return 'values' in told || text.length > maxReread ? told : readYaml(text);
}

function readJson(text: string, from: number): Told {
  try {
    return { values: [JSON.parse(text.slice(from))] };
  } catch (thrown) {
    const { message } = toError(thrown);
    return { offset: from + Number(/at position (\d+)/.exec(message)?.[1] ?? 0), reason: message };
  }
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** Parsers quote the text they failed on: an author's words, cut to one short printable line. */
function oneLine(message: string): string {
  return message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}
