import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Config } from '../../../src/config/defaults.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { isRecord } from './config-schema.ts';

/** An object of a manifest. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export function parseManifests(text: string): readonly Manifest[] {
  const documents = parseAllDocuments(text);
  return documents.flatMap((document): readonly Manifest[] => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const value: Manifest | null = document.toJS();
    return value === null ? [] : [value];
  });
}

/** By kind and name, without what Helm adds; a configuration is what the loader makes of it. */
export async function comparable(manifests: readonly Manifest[]): Promise<Readonly<Record<string, unknown>>> {
  const entries = manifests.map(async (manifest) => {
    const { kind, metadata } = manifest;
    return [
      `${kind} ${metadata.namespace ?? ''}/${metadata.name}`,
      await settled(withoutHelm(manifest)),
    ] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The configuration file in the first ConfigMap; empty when there is none. */
export function configText(manifests: readonly Manifest[]): string {
  const data = manifests.find(({ kind }) => kind === 'ConfigMap')?.['data'];
  const text = isRecord(data) ? data['config.yaml'] : undefined;
  return typeof text === 'string' ? text : '';
}

/** What a configuration file says in the end. */
export async function configOf(text: string): Promise<Config> {
  const directory = await mkdtemp(join(tmpdir(), 'np-rendered-'));
  try {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text);
    return await loadConfig({ file, flags: {}, host: { nodeName: 'node-1', hostname: 'node-1' } });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function settled(manifest: unknown): Promise<unknown> {
  const data = isRecord(manifest) ? manifest['data'] : undefined;
  const text = isRecord(data) ? data['config.yaml'] : undefined;
  if (!isRecord(manifest) || typeof text !== 'string') return manifest;
  return { ...manifest, data: await configOf(text) };
}

const ofHelm = /^(?:helm\.sh\/|app\.kubernetes\.io\/(?:name|instance|version|managed-by)$)/;

/** Labels of the application too: Helm wants them on every object. An empty list says nothing. */
function withoutHelm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutHelm);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      if (Array.isArray(inner) && inner.length === 0) return [];
      if (name !== 'labels' && name !== 'matchLabels') return [[name, withoutHelm(inner)]];
      const labels = Object.entries(isRecord(inner) ? inner : {}).filter(([label]) => !ofHelm.test(label));
      return labels.length === 0 ? [] : [[name, Object.fromEntries(labels)]];
    }),
  );
}
