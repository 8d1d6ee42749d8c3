import * as fields from '../../../src/config/fields.ts';
import { modes } from '../../../src/config/mode.ts';
import { type FieldNote, fieldNotes } from '../../../src/config/reference.ts';
import { type DocumentKind, documentSchemas } from '../../../src/config/schema.ts';
import { patterns } from './patterns.ts';

/** A JSON Schema of draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What the chart decides itself: each pod its own node's name, and how the API server is found (`apiServer`, `kubeadm`). */
export const decidedByChart: readonly string[] = [
  'apiVersion',
  'kind',
  'hostnameOverride',
  'clientConnection.kubeconfig',
  'apiServer',
];

/** The fields of a document that the chart takes, made from those that the loader takes; for what the loader refuses there is none. */
export function configSchema(kind: DocumentKind): JsonSchema {
  const properties = propertiesOf(documentSchemas[kind].entries, [], fieldNotes[kind]);
  const rules = kind === 'KubeProxyConfiguration' ? { allOf: neededInterfaces } : {};
  return { type: 'object', additionalProperties: false, properties, ...rules };
}

/** A text that is checked by more than the schema of the loader shows. */
function textOf(pattern: keyof typeof patterns, more: JsonSchema = {}): JsonSchema {
  return { type: ['string', 'null'], pattern: patterns[pattern], ...more };
}

/** A text with nothing in it is no duration. */
const duration = textOf('duration', { minLength: 1 });

const named = new Map<unknown, JsonSchema>([
  [fields.duration, duration],
  [fields.naturalDuration, duration],
  [fields.flushFrequency, { anyOf: [{ type: 'number', minimum: 0 }, duration] }],
  [fields.endpointText, textOf('endpoint')],
  [fields.minorVersion, textOf('minorVersion')],
  [fields.labelValue, textOf('labelValue')],
]);

/** Fields that the loader checks after their schema has let them pass. */
const settled: Readonly<Record<string, JsonSchema>> = {
  mode: { enum: [...modes, '', null] },
  clusterCIDR: textOf('networks'),
  bindAddress: textOf('address'),
  nodePortAddresses: {
    anyOf: [
      { const: ['primary'] },
      { type: ['array', 'null'], items: { type: 'string', pattern: patterns.network } },
    ],
  },
  'detectLocal.bridgeInterface': textOf('interfaceName'),
  'detectLocal.interfaceNamePrefix': textOf('interfacePrefix'),
};

const neededInterfaces = [
  neededBy('BridgeInterface', 'bridgeInterface'),
  neededBy('InterfaceNamePrefix', 'interfaceNamePrefix'),
];

function neededBy(mode: string, field: string): JsonSchema {
  const there = { required: [field], properties: { [field]: { type: 'string', minLength: 1 } } };
  const asked = { required: ['detectLocalMode'], properties: { detectLocalMode: { const: mode } } };
  const given = { required: ['detectLocal'], properties: { detectLocal: { type: 'object', ...there } } };
  // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema, which is never awaited
  const consequence = 'then';
  return { if: asked, [consequence]: given };
}

function propertiesOf(
  entries: object,
  path: readonly string[],
  notes: Readonly<Record<string, FieldNote>>,
): JsonSchema {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, schema]) => {
      const dotted = [...path, name].join('.');
      if (decidedByChart.includes(dotted) || notes[dotted]?.effect === 'refused') return [];
      const made = settled[dotted] ?? fieldSchema(schema, [...path, name], notes);
      const empty =
        typeof made['properties'] === 'object' && Object.keys(made['properties'] ?? {}).length === 0;
      const description = notes[dotted]?.meaning.replaceAll('`', '');
      return empty ? [] : [[name, description === undefined ? made : { description, ...made }]];
    }),
  );
}

/** Null stands for an absent field, but in the entries of a list. */
function fieldSchema(
  schema: unknown,
  path: readonly string[],
  notes: Readonly<Record<string, FieldNote>>,
): JsonSchema {
  const known = named.get(schema);
  if (known !== undefined) return known;
  if (!isRecord(schema) || schema['type'] !== 'nullish') return valueSchema(schema, path, notes);
  const made = valueSchema(schema['wrapped'], path, notes);
  if (Array.isArray(made['enum'])) return { ...made, enum: [...made['enum'], null] };
  const types: readonly unknown[] = Array.isArray(made['type']) ? made['type'] : [made['type']];
  return { ...made, type: [...types, 'null'] };
}

function valueSchema(
  schema: unknown,
  path: readonly string[],
  notes: Readonly<Record<string, FieldNote>>,
): JsonSchema {
  if (!isRecord(schema)) throw new Error(`${path.join('.')} has no schema`);
  const steps: readonly unknown[] = Array.isArray(schema['pipe']) ? schema['pipe'] : [schema];
  const last = steps.findLast((step) => isRecord(step) && step['kind'] === 'schema');
  if (last !== schema && isRecord(last) && steps[0] !== last) return valueSchema(last, path, notes);
  switch (schema['type']) {
    case 'string':
    case 'boolean':
      return { type: schema['type'] };
    case 'number':
      return numberSchema(steps);
    case 'picklist':
      return { enum: schema['options'] };
    case 'array':
      return { type: 'array', items: valueSchema(schema['item'], path, notes) };
    case 'record':
      return { type: 'object', additionalProperties: valueSchema(schema['value'], path, notes) };
    case 'union':
      return { type: optionTypes(schema['options']) };
    case 'object':
    case 'strict_object':
      return objectSchema(schema, path, notes);
    default:
      throw new Error(`${path.join('.')}: JSON Schema of ${String(schema['type'])} is not known`);
  }
}

function objectSchema(
  { type, entries }: Readonly<Record<string, unknown>>,
  path: readonly string[],
  notes: Readonly<Record<string, FieldNote>>,
): JsonSchema {
  const fieldsOf = isRecord(entries) ? entries : {};
  // Entries of lists have no notes of their own, and are all needed.
  const required = type === 'strict_object' ? { required: Object.keys(fieldsOf) } : {};
  return {
    type: 'object',
    additionalProperties: false,
    properties: propertiesOf(fieldsOf, path, notes),
    ...required,
  };
}

function numberSchema(steps: readonly unknown[]): JsonSchema {
  const bounds = new Map<unknown, string>([
    ['min_value', 'minimum'],
    ['max_value', 'maximum'],
  ]);
  const found = steps.flatMap((step) => {
    const bound = isRecord(step) ? bounds.get(step['type']) : undefined;
    return bound !== undefined && isRecord(step) ? [[bound, step['requirement']] as const] : [];
  });
  const whole = steps.some((step) => isRecord(step) && step['type'] === 'safe_integer');
  return { type: whole ? 'integer' : 'number', ...Object.fromEntries(found) };
}

function optionTypes(options: unknown): readonly unknown[] {
  return Array.isArray(options)
    ? options.map((option: unknown) => (isRecord(option) ? option['type'] : undefined))
    : [];
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
