import { isRecord, type JsonSchema } from './config-schema.ts';

/** A line for each value of a chart: where it stands, what it is when nobody says, and what it means. */
export function valuesTable(schema: JsonSchema, values: unknown): string {
  const rows = rowsOf(schema, values, [], schema['$defs']).map(
    ([path, value, meaning]) => `| \`${path}\` | ${value === '' ? '' : `\`${value}\``} | ${meaning} |`,
  );
  return ['| value | default | meaning |', '|---|---|---|', ...rows, ''].join('\n');
}

type Row = readonly [path: string, value: string, meaning: string];

/** Objects whose fields have values by default are told field by field, others as a whole. */
function rowsOf(schema: JsonSchema, values: unknown, path: readonly string[], defs: unknown): readonly Row[] {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  const given = isRecord(values) ? values : {};
  return Object.entries(properties).flatMap(([name, own]): readonly Row[] => {
    const value = given[name];
    if (!isRecord(own) || value === undefined) return [];
    const at = [...path, name];
    const { description = '' } = own;
    const meaning = typeof description === 'string' ? description.replaceAll('|', '\\|') : '';
    const inner = rowsOf(resolved(own, defs), value, at, defs);
    if (inner.length === 0) return [[at.join('.'), defaultText(value), meaning]];
    return meaning === '' ? inner : [[at.join('.'), '', meaning], ...inner];
  });
}

function resolved(schema: JsonSchema, defs: unknown): JsonSchema {
  const name = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/$defs/', '') : '';
  const found = isRecord(defs) ? defs[name] : undefined;
  return isRecord(found) ? found : schema;
}

function defaultText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
