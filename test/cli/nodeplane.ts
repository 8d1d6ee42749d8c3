import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult, Exec } from '../../src/kernel/exec.ts';
import type { Json } from '../conformance/objects.ts';

/** The bundle, as users have it; `npm test` builds it before. */
export const bundle = join(import.meta.dirname, '../../dist/nodeplane.mjs');

/** A manifests directory that tests write to. */
export interface Manifests {
  readonly directory: string;
  write(name: string, objects: readonly Json[]): Promise<void>;
  writeText(name: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

export async function createManifests(): Promise<Manifests> {
  const parent = await mkdtemp(join(tmpdir(), 'nodeplane-test-'));
  const directory = join(parent, 'manifests');
  await mkdir(directory);
  const writeText = (name: string, text: string) => writeFile(join(directory, name), text);
  return {
    directory,
    writeText,
    write: (name, items) => writeText(name, JSON.stringify({ apiVersion: 'v1', kind: 'List', items })),
    remove: () => rm(parent, { recursive: true }),
  };
}

/** Runs the bundle to its end. */
export function nodeplane(exec: Exec, ...args: readonly string[]): Promise<CommandResult> {
  return exec({ argv: [process.execPath, bundle, ...args], timeoutMilliseconds: 60_000 });
}
