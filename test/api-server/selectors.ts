import { inside, type Json, type Resource } from './resources.ts';

/** Whether an object is selected. */
export type Selects = (object: Json) => boolean;

/** A field selector that this server does not know: 400 with this message. */
export class UnknownField extends Error {}

/**
 * Both selectors of a query. Labels: `key`, `!key`, `key=value`, `key!=value`. Fields: those of a real server that a proxy uses.
 * @param old before Kubernetes 1.31, which does not know the fields of a Service's spec.
 */
export function selectorOf(query: URLSearchParams, resource: Resource, old: boolean): Selects {
  const labels = split(query.get('labelSelector')).map(labelTerm);
  const fields = split(query.get('fieldSelector')).map((term) => fieldTerm(term, resource, old));
  return (object) => labels.every((term) => term(object)) && fields.every((term) => term(object));
}

function split(selector: string | null): string[] {
  return (selector ?? '').split(',').filter((term) => term !== '');
}

function labelTerm(term: string): Selects {
  const { name, operator, value } = parts(term);
  const label = (object: Json): unknown =>
    inside(inside(object, 'metadata'), 'labels')[name.replace(/^!/, '')];
  if (operator === '=') return (object) => label(object) === value;
  if (operator === '!=') return (object) => label(object) !== value;
  return name.startsWith('!')
    ? (object) => label(object) === undefined
    : (object) => label(object) !== undefined;
}

function fieldTerm(term: string, { kind }: Resource, old: boolean): Selects {
  const { name, operator, value } = parts(term);
  const known = ['metadata.name', 'metadata.namespace'];
  if (kind === 'Service' && !old) known.push('spec.clusterIP', 'spec.type');
  if (!known.includes(name) || operator === undefined)
    throw new UnknownField(`field label not supported: ${name}`);
  const [outer = '', field = ''] = name.split('.');
  const equal: Selects = (object) => (inside(object, outer)[field] ?? '') === value;
  return operator === '=' ? equal : (object) => !equal(object);
}

function parts(term: string): { name: string; operator: '=' | '!=' | undefined; value: string } {
  const match = term.match(/^(?<name>!?[^!=]+)(?<operator>!?=)?=?(?<value>.*)$/);
  const operator = match?.groups?.['operator'];
  return {
    name: match?.groups?.['name'] ?? term,
    operator: operator === '=' || operator === '!=' ? operator : undefined,
    value: match?.groups?.['value'] ?? '',
  };
}
