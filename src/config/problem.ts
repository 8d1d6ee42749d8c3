import type * as v from 'valibot';
import { didYouMean } from './nearest.ts';

/** One thing wrong in a document, at the path of its field. */
export interface Problem {
  readonly path: Path;
  readonly text: string;
  /** Other fields that have a part in it: a flag that stands for one of them is to blame. */
  readonly with?: readonly Path[];
}

export type Path = readonly (string | number)[];

/** Says that the field at the path is wrong, or goes ill with those at other paths. */
export type Complain = (path: Path, text: string, ...others: readonly Path[]) => void;

/** `conntrack.min`, `nodePortAddresses[2]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** What the schema found, in our words; an unknown field with the nearest one that exists. */
export function problemOf(issue: v.BaseIssue<unknown>, fields: readonly string[]): Problem {
  const path = (issue.path ?? []).flatMap(({ key }) =>
    typeof key === 'string' || typeof key === 'number' ? [key] : [],
  );
  return { path, text: wording(issue, path, fields) };
}

/** Every field that is none of these dotted paths and no group of them, also one with the name of something that each object of JavaScript has. */
export function unknownFields(
  value: unknown,
  fields: readonly string[],
  path: Path = [],
): readonly Problem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = [...path, name];
    const dotted = own.join('.');
    if (fields.includes(dotted) && !name.includes('.')) return [];
    if (fields.some((field) => field.startsWith(`${dotted}.`)) && !name.includes('.'))
      return unknownFields(inner, fields, own);
    return [{ path: own, text: noSuchField(own, fields) }];
  });
}

function noSuchField(path: Path, fields: readonly string[]): string {
  return `there is no such field${didYouMean(String(path.at(-1) ?? ''), siblings(path, fields))}`;
}

const kinds: ReadonlyMap<string, string> = new Map([
  ['string', 'not text'],
  ['boolean', 'neither true nor false'],
  ['number', 'not a number'],
  ['array', 'not a list'],
  ['Object', 'not a group of fields'],
]);

function wording(issue: v.BaseIssue<unknown>, path: Path, fields: readonly string[]): string {
  const received = issue.received.slice(0, 80);
  if (issue.type === 'strict_object' && issue.expected === 'never') return noSuchField(path, fields);
  if (issue.type.endsWith('object') && issue.received === 'undefined') return 'the field is missing';
  if (issue.type === 'picklist')
    return `${received} is none of ${issue.expected?.replace(/[()]|\| ""/g, '')}`.trim();
  if (issue.type === 'safe_integer') return `${received} is not a whole number`;
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  const what = kinds.get(issue.expected ?? '');
  return what === undefined ? `${received} is not ${issue.expected}` : `${received} is ${what}`;
}

/** Names that may stand where the last part of the path stands. */
function siblings(path: Path, fields: readonly string[]): readonly string[] {
  const start = path
    .slice(0, -1)
    .map((key) => `${key}.`)
    .join('');
  const names = fields.flatMap((field) => {
    const name = field.startsWith(start) ? field.slice(start.length).split('.')[0] : undefined;
    return name === undefined ? [] : [name];
  });
  return [...new Set(names)];
}
