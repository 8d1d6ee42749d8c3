import * as v from 'valibot';
import { type ParsedDocument, parseFile } from './documents.ts';
import { didYouMean } from './nearest.ts';
import { type Problem, pathText, problemOf, unknownFields } from './problem.ts';
import { fieldNotes } from './reference.ts';
import { fieldOf, refusedFields } from './requests.ts';
import {
  type DocumentKind,
  documentSchemas,
  type KubeProxyConfiguration,
  type NodeplaneConfiguration,
} from './schema.ts';

/** The documents of one configuration file. */
export interface ConfigurationFile {
  /** What the documents say, as YAML gives it, by kind; empty where a document is missing or has a fault. */
  readonly values: DocumentValues;
  /** Everything wrong, as `12:3: field: what`, in the order of the file. */
  readonly faults: readonly string[];
  /** `12:3: field: what` for a problem of the KubeProxyConfiguration that was found later. */
  faultOf(problem: Problem): string;
}

/** A document of each kind, not checked yet or checked before. */
export type DocumentValues = Readonly<Record<DocumentKind, unknown>>;

/** What a document says that says nothing. */
export const emptyDocuments = {
  KubeProxyConfiguration: { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' },
  NodeplaneConfiguration: { apiVersion: 'nodeplane.dev/v1alpha1', kind: 'NodeplaneConfiguration' },
} as const satisfies DocumentValues;

/** No file at all. */
export const noFile: ConfigurationFile = {
  values: emptyDocuments,
  faults: [],
  faultOf: (problem) => faultText(undefined, problem),
};

/** Reads the text of a configuration file. Never throws: what is wrong is a fault. */
export function readConfigurationFile(text: string): ConfigurationFile {
  const { documents, faults: broken } = parseFile(text);
  const faults = [...broken];
  const sources = new Map<DocumentKind, ParsedDocument>();
  const values: Record<DocumentKind, unknown> = { ...emptyDocuments };
  for (const document of documents) {
    const { kind, problems } = checkDocument(document.value);
    faults.push(...problems.map((problem) => faultText(document, problem)));
    if (kind === undefined) continue;
    if (sources.has(kind)) faults.push(`${document.locate([])}: a second ${kind}`);
    sources.set(kind, document);
    if (problems.length === 0) values[kind] = document.value;
  }
  if (documents.length === 0 && faults.length === 0) faults.push('1:1: there is no document');
  const faultOf = (problem: Problem): string => faultText(sources.get('KubeProxyConfiguration'), problem);
  return { values, faults, faultOf };
}

/** What the schemas make of documents in which {@link problemsOf} found nothing. */
export function readDocuments(values: DocumentValues): {
  readonly kubeProxy: KubeProxyConfiguration;
  readonly nodeplane: NodeplaneConfiguration;
} {
  return {
    kubeProxy: v.parse(documentSchemas.KubeProxyConfiguration, values.KubeProxyConfiguration),
    nodeplane: v.parse(documentSchemas.NodeplaneConfiguration, values.NodeplaneConfiguration),
  };
}

/** Everything that a document of the kind says against its schema, and what nodeplane does not do. */
export function problemsOf(kind: DocumentKind, value: unknown): readonly Problem[] {
  const { issues } = v.safeParse(documentSchemas[kind], value);
  const fields = ['apiVersion', 'kind', ...Object.keys(fieldNotes[kind])];
  const found = (issues ?? []).map((issue) => problemOf(issue, fields));
  return [...found, ...unknownFields(value, fields), ...refusedFields(kind, value)];
}

function faultText(document: ParsedDocument | undefined, { path, text }: Problem): string {
  const field = path.length === 0 ? '' : `${pathText(path)}: `;
  return `${document?.locate(path) ?? '1:1'}: ${field}${text}`;
}

function checkDocument(value: unknown): {
  readonly kind: DocumentKind | undefined;
  readonly problems: readonly Problem[];
} {
  const kind = kindOf(value);
  return kind === undefined
    ? { kind, problems: [unknownKind(value)] }
    : { kind, problems: problemsOf(kind, value) };
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
