import * as v from 'valibot';
import { type ParsedDocument, parseFile } from './documents.ts';
import { didYouMean } from './nearest.ts';
import { type Problem, pathText, problemOf } from './problem.ts';
import { type Effect, fieldNotes } from './reference.ts';
import {
  type DocumentKind,
  documentSchemas,
  type KubeProxyConfiguration,
  type NodeplaneConfiguration,
} from './schema.ts';

/** The documents of one configuration file that follow their schemas. */
export interface ConfigurationFile {
  readonly kubeProxy: KubeProxyConfiguration;
  readonly nodeplane: NodeplaneConfiguration;
  /** Everything wrong, as `12:3: field: what`, in the order of the file. */
  readonly faults: readonly string[];
  /** Fields that have a value and no effect, as dotted paths. */
  readonly withoutEffect: readonly string[];
  /** `12:3: field: what` for a problem of the KubeProxyConfiguration that was found later. */
  faultOf(problem: Problem): string;
}

type Checked =
  | { readonly kind: 'KubeProxyConfiguration'; readonly value: KubeProxyConfiguration }
  | { readonly kind: 'NodeplaneConfiguration'; readonly value: NodeplaneConfiguration };

export const emptyKubeProxy: KubeProxyConfiguration = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
};

const emptyNodeplane: NodeplaneConfiguration = {
  apiVersion: 'nodeplane.dev/v1alpha1',
  kind: 'NodeplaneConfiguration',
};

/** Reads the text of a configuration file. Never throws: what is wrong is a fault. */
export function readConfigurationFile(text: string): ConfigurationFile {
  const { documents, faults: broken } = parseFile(text);
  const faults = [...broken];
  const seen = new Map<string, Checked>();
  const withoutEffect: string[] = [];
  let kubeProxySource: ParsedDocument | undefined;
  for (const document of documents) {
    const { checked, problems } = checkDocument(document.value);
    faults.push(...problems.map((problem) => faultText(document, problem)));
    if (checked === undefined) continue;
    if (seen.has(checked.kind)) faults.push(`${document.locate([])}: a second ${checked.kind}`);
    seen.set(checked.kind, checked);
    withoutEffect.push(...idleFields(checked.kind, document.value));
    if (checked.kind === 'KubeProxyConfiguration') kubeProxySource = document;
  }
  if (documents.length === 0 && faults.length === 0) faults.push('1:1: there is no document');
  const kubeProxy = seen.get('KubeProxyConfiguration');
  const nodeplane = seen.get('NodeplaneConfiguration');
  return {
    kubeProxy: kubeProxy?.kind === 'KubeProxyConfiguration' ? kubeProxy.value : emptyKubeProxy,
    nodeplane: nodeplane?.kind === 'NodeplaneConfiguration' ? nodeplane.value : emptyNodeplane,
    faults,
    withoutEffect,
    faultOf: (problem) => faultText(kubeProxySource, problem),
  };
}

function faultText(document: ParsedDocument | undefined, { path, text }: Problem): string {
  const field = path.length === 0 ? '' : `${pathText(path)}: `;
  return `${document?.locate(path) ?? '1:1'}: ${field}${text}`;
}

function checkDocument(value: unknown): {
  readonly checked: Checked | undefined;
  readonly problems: readonly Problem[];
} {
  const kind = kindOf(value);
  if (kind === undefined) return { checked: undefined, problems: [unknownKind(value)] };
  const result = v.safeParse(documentSchemas[kind], value);
  const fields = ['apiVersion', 'kind', ...Object.keys(fieldNotes[kind])];
  const problems = (result.issues ?? []).map((issue) => problemOf(issue, fields));
  if (!result.success) return { checked: undefined, problems };
  const { output } = result;
  return output.kind === 'KubeProxyConfiguration'
    ? { checked: { kind: output.kind, value: output }, problems }
    : { checked: { kind: output.kind, value: output }, problems };
}

function kindOf(value: unknown): DocumentKind | undefined {
  const kind = fieldOf(value, 'kind');
  return kind === 'KubeProxyConfiguration' || kind === 'NodeplaneConfiguration' ? kind : undefined;
}

function unknownKind(value: unknown): Problem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { path: [], text: 'the document is not a group of fields' };
  }
  const kind = fieldOf(value, 'kind');
  if (kind === undefined || kind === null) return { path: ['kind'], text: 'the field is missing' };
  if (kind === 'ConfigMap') {
    return {
      path: ['kind'],
      text: 'this is the ConfigMap; the configuration is the text under its key config.conf',
    };
  }
  const name = JSON.stringify(kind).slice(0, 80);
  const near = typeof kind === 'string' ? didYouMean(kind, Object.keys(documentSchemas)) : '';
  return { path: ['kind'], text: `${name} is not known here${near}` };
}

/** Own fields only: a document may be called to say `__proto__`. */
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

const idle: readonly Effect[] = ['later', 'never'];

/** Fields with a value other than Go's zero values, whose note says that they do nothing. */
function idleFields(kind: DocumentKind, value: unknown): string[] {
  return Object.entries(fieldNotes[kind]).flatMap(([path, { effect }]) => {
    if (!idle.includes(effect)) return [];
    const found = path.split('.').reduce(fieldOf, value);
    return isZero(found) ? [] : [path];
  });
}

const zeroes: readonly unknown[] = [undefined, null, '', '0', '0s', 0, false];

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return zeroes.includes(value);
}
