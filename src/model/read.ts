import { printable } from './printable.ts';

/** A value inside an object from outside, and where it stands: `spec.ports[0].port`. Null counts as absent, as in Go. */
export interface Field {
  readonly path: string;
  /** Any JSON; undefined when absent. */
  readonly value: unknown;
}

/** Takes note of a field that is wrong; `reason` reads on from the field's name. */
export type Report = (field: Field, reason: string) => void;

/** A field of a record; absent when the parent is no record ({@link recordAt} reports that once). */
export function at(parent: Field, name: string): Field {
  const path = parent.path === '' ? name : `${parent.path}.${name}`;
  return { path, value: isRecord(parent.value) ? own(parent.value, name) : undefined };
}

/** The field, which must hold a record when it is there. */
export function recordAt(parent: Field, name: string, report: Report): Field {
  const field = at(parent, name);
  if (field.value !== undefined && !isRecord(field.value)) {
    report(field, `must be an object, is ${printable(field.value)}`);
  }
  return field;
}

/** The entries of a list; none when it is absent. */
export function itemsAt(parent: Field, name: string, report: Report): readonly Field[] {
  const field = at(parent, name);
  if (field.value === undefined) return [];
  if (Array.isArray(field.value)) {
    return field.value.map((value: unknown, index) => ({
      path: `${field.path}[${index}]`,
      value: value ?? undefined,
    }));
  }
  report(field, `must be a list, is ${printable(field.value)}`);
  return [];
}

/** The entries of a list of records; others are reported and left out. */
export function recordsAt(parent: Field, name: string, report: Report): readonly Field[] {
  return itemsAt(parent, name, report).filter((item) => {
    if (isRecord(item.value)) return true;
    report(item, `must be an object, is ${printable(item.value)}`);
    return false;
  });
}

/** The text of a field; undefined when absent, empty (Go's zero value) or no text, which is reported. */
export function textIn(field: Field, report: Report): string | undefined {
  if (field.value === undefined || field.value === '') return undefined;
  if (typeof field.value === 'string') return field.value;
  report(field, `must be a string, is ${printable(field.value)}`);
  return undefined;
}

export function textAt(parent: Field, name: string, report: Report): string | undefined {
  return textIn(at(parent, name), report);
}

/** One of the allowed words; the first when the field is absent. */
export function wordAt<T extends string>(
  parent: Field,
  name: string,
  allowed: readonly [T, ...T[]],
  report: Report,
): T {
  const field = at(parent, name);
  if (field.value === undefined || field.value === '') return allowed[0];
  const found = allowed.find((word) => word === field.value);
  if (found === undefined) report(field, `must be ${allowed.join(' or ')}, is ${printable(field.value)}`);
  return found ?? allowed[0];
}

/** An integer from `from` to `to`, both allowed; undefined when absent or reported. */
export function integerAt(
  parent: Field,
  name: string,
  [from, to]: readonly [number, number],
  report: Report,
): number | undefined {
  const field = at(parent, name);
  if (field.value === undefined) return undefined;
  if (typeof field.value === 'number' && Number.isInteger(field.value)) {
    if (field.value >= from && field.value <= to) return field.value;
  }
  report(field, `must be an integer from ${from} to ${to}, is ${printable(field.value)}`);
  return undefined;
}

export function flagAt(parent: Field, name: string, report: Report): boolean | undefined {
  const field = at(parent, name);
  if (field.value === undefined || typeof field.value === 'boolean') return field.value;
  report(field, `must be true or false, is ${printable(field.value)}`);
  return undefined;
}

function own(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? (record[name] ?? undefined) : undefined;
}

/** Whether the value is an object of JSON, neither list nor null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
