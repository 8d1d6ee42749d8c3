import fc from 'fast-check';
import { isRecord, type JsonSchema } from './config-schema.ts';

/** Values that a schema of ours lets pass, each field there or not. Made for what config-schema.ts writes, and no more. */
export function valuesOf(schema: unknown): fc.Arbitrary<unknown> {
  if (!isRecord(schema)) throw new Error('not a schema');
  const choices: unknown = schema['anyOf'];
  if (Array.isArray(choices)) return fc.oneof(...choices.map((choice: unknown) => valuesOf(choice)));
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum']);
  const { type } = schema;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return fc.oneof(...types.map((each) => valueOfType(each, schema)));
}

function valueOfType(type: unknown, schema: JsonSchema): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer(boundsOf(schema));
    case 'number':
      return fc.double({ ...boundsOf(schema), noNaN: true, noDefaultInfinity: true });
    case 'string':
      return textOf(schema);
    case 'array':
      return fc.array(valuesOf(schema['items']), { maxLength: 3 });
    case 'object':
      return objectOf(schema);
    default:
      throw new Error(`values of type ${String(type)} are not known`);
  }
}

function boundsOf({ minimum, maximum }: JsonSchema): { min?: number; max?: number } {
  return {
    ...(typeof minimum === 'number' ? { min: minimum } : {}),
    ...(typeof maximum === 'number' ? { max: maximum } : {}),
  };
}

function textOf({ pattern, minLength }: JsonSchema): fc.Arbitrary<string> {
  const text = typeof pattern === 'string' ? fc.stringMatching(new RegExp(pattern)) : fc.string();
  return typeof minLength === 'number' ? text.filter((each) => each.length >= minLength) : text;
}

function objectOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { properties, additionalProperties, required, allOf } = schema;
  if (!isRecord(properties))
    return fc.dictionary(fc.stringMatching(/^[A-Z]\w{0,8}$/), valuesOf(additionalProperties));
  const fields = Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, valuesOf(each)]));
  const always = Object.keys(fields).filter((name) => Array.isArray(required) && required.includes(name));
  const values = fc.record(fields, { requiredKeys: always });
  const rules: readonly unknown[] = Array.isArray(allOf) ? allOf : [];
  return values.filter((value) =>
    rules.every((rule) => !isRecord(rule) || !holds(rule['if'], value) || holds(rule['then'], value)),
  );
}

/** Whether a value has what a condition asks for. */
function holds(condition: unknown, value: unknown): boolean {
  if (!isRecord(condition)) return true;
  if (condition['type'] === 'object' && !isRecord(value)) return false;
  if (condition['type'] === 'string' && (typeof value !== 'string' || value === '')) return false;
  if ('const' in condition) return condition['const'] === value;
  const inner = isRecord(value) ? value : {};
  const required: readonly unknown[] = Array.isArray(condition['required']) ? condition['required'] : [];
  const properties = isRecord(condition['properties']) ? condition['properties'] : {};
  return (
    required.every((name) => typeof name === 'string' && name in inner) &&
    Object.entries(properties).every(([name, each]) => !(name in inner) || holds(each, inner[name]))
  );
}
