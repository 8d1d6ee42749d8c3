import { NodeplaneError, printable } from '../errors.ts';
import { type DocumentValues, emptyDocuments, problemsOf } from './file.ts';
import { type Path, type Problem, pathText } from './problem.ts';
import type { DocumentKind } from './schema.ts';

/** A flag of the command line that stands for a field of a document; it goes before the file. */
export interface FieldFlag {
  /** `--conntrack-min`, for messages. */
  readonly flag: string;
  /** What was written behind it, for messages. */
  readonly text: string;
  readonly kind: DocumentKind;
  readonly path: readonly string[];
  /** What the field would be in the file, as YAML gives it. */
  readonly value: unknown;
}

/** What the command line says about the configuration. */
export interface ConfigFlags {
  /** `--node`: before every other name. */
  readonly nodeName?: string | undefined;
  readonly fields?: readonly FieldFlag[];
  /** Ports that an address without one gets (`--healthz-port`, `--metrics-port`). */
  readonly ports?: { readonly healthz?: number | undefined; readonly metrics?: number | undefined };
}

/**
 * The documents with the fields that flags stand for.
 * @throws NodeplaneError `NP-CLI-002` for a value that its field does not take.
 */
export function withFlags(values: DocumentValues, flags: readonly FieldFlag[]): DocumentValues {
  const said: Record<DocumentKind, unknown> = { ...emptyDocuments };
  for (const { kind, path, value } of flags) said[kind] = merged(said[kind], nested(path, value));
  for (const kind of ['KubeProxyConfiguration', 'NodeplaneConfiguration'] as const) {
    const own = flags.filter((flag) => flag.kind === kind);
    for (const problem of problemsOf(kind, said[kind])) throw blamed(problem, own) ?? new Error(problem.text);
  }
  return {
    KubeProxyConfiguration: merged(values.KubeProxyConfiguration, said.KubeProxyConfiguration),
    NodeplaneConfiguration: merged(values.NodeplaneConfiguration, said.NodeplaneConfiguration),
  };
}

/** The error about the flag that a problem comes from, or undefined when it comes from none of them. */
export function blamed(problem: Problem, flags: readonly FieldFlag[]): NodeplaneError | undefined {
  for (const path of [problem.path, ...(problem.with ?? [])]) {
    const flag = flags.findLast((each) => isWithin(path, each.path));
    if (flag === undefined) continue;
    const elsewhere = path === problem.path ? '' : `${pathText(problem.path)}: `;
    return flagError(flag.flag, flag.text, `${elsewhere}${problem.text}`);
  }
  return undefined;
}

/** The value of a flag is not usable. */
export function flagError(flag: string, value: string, reason: string): NodeplaneError {
  const short = value.length > 80 ? `${value.slice(0, 79)}…` : value;
  return new NodeplaneError('NP-CLI-002', { flag, value: printable(short), reason });
}

function isWithin(path: Path, field: readonly string[]): boolean {
  return field.every((name, index) => path[index] === name);
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
}

/** Groups of fields field by field, anything else as the second says. */
function merged(under: unknown, over: unknown): unknown {
  if (!isGroup(under) || !isGroup(over)) return over;
  const fields = new Map(Object.entries(under));
  for (const [name, value] of Object.entries(over)) fields.set(name, merged(fields.get(name), value));
  return Object.fromEntries(fields);
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
