import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Manifest, objectsOf, read } from './manifests.ts';

const base = 'deploy/kustomize/base';

const kustomization = v.object({
  apiVersion: v.string(),
  kind: v.literal('Kustomization'),
  namespace: v.string(),
  resources: v.tuple([v.literal('rbac.yaml'), v.literal('daemonset.yaml')]),
  configMapGenerator: v.tuple([v.object({ name: v.string(), files: v.array(v.string()) })]),
  generatorOptions: v.object({ disableNameSuffixHash: v.literal(true) }),
  images: v.tuple([v.object({ name: v.string(), newTag: v.string() })]),
});

/** What kustomize makes of the base: all that the base asks it for, and the schema above lets it ask for nothing else. */
function rendered(): readonly Manifest[] {
  const { resources, namespace, ...asked } = v.parse(
    kustomization,
    parse(read(`${base}/kustomization.yaml`)),
  );
  const [{ name: image, newTag }] = asked.images;
  const [{ name, files }] = asked.configMapGenerator;
  const objects = resources.flatMap((file) =>
    objectsOf(read(`${base}/${file}`).replaceAll(`image: ${image}\n`, `image: ${image}:${newTag}\n`)),
  );
  const data = Object.fromEntries(files.map((file) => [file, read(`${base}/${file}`)]));
  return [...objects, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }];
}

function inOrder(objects: readonly Manifest[]): readonly Manifest[] {
  return objects.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
}

describe('deploy/nodeplane.yaml', () => {
  it('is the base as kustomize renders it (`npm run manifests`)', () => {
    expect(inOrder(objectsOf(read('deploy/nodeplane.yaml')))).toEqual(inOrder(rendered()));
  });
});
