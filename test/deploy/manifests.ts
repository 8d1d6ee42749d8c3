import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');

/** What every object of the API has. */
export const manifest = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({ name: v.string(), namespace: v.optional(v.string()) }),
});
export type Manifest = v.InferOutput<typeof manifest>;

/** The objects of a YAML text. @throws when one is not valid YAML, or no object of the API. */
export function objectsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    return v.parse(manifest, document.toJS());
  });
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** As kubectl renders a directory below deploy/kustomize. */
export function kustomize(directory: string): readonly Manifest[] {
  const argv = ['kustomize', join('deploy/kustomize', directory)];
  return objectsOf(execFileSync('kubectl', argv, { cwd: root, encoding: 'utf8', stdio: 'pipe' }));
}

export function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['kustomize', '--help'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const probe = v.object({ httpGet: v.object({ path: v.string(), port: v.string() }) });

const container = v.looseObject({
  name: v.string(),
  image: v.string(),
  args: v.array(v.string()),
  env: v.array(v.looseObject({ name: v.string() })),
  volumeMounts: v.array(v.looseObject({ name: v.string(), mountPath: v.string() })),
  ports: v.optional(v.array(v.object({ name: v.string(), containerPort: v.number() })), []),
  securityContext: v.looseObject({}),
  startupProbe: v.optional(v.looseObject(probe.entries)),
  livenessProbe: v.optional(v.looseObject(probe.entries)),
  readinessProbe: v.optional(v.looseObject(probe.entries)),
});
export type Container = v.InferOutput<typeof container>;

const daemonSet = v.looseObject({
  ...manifest.entries,
  kind: v.literal('DaemonSet'),
  spec: v.looseObject({
    template: v.looseObject({
      spec: v.looseObject({
        initContainers: v.array(container),
        containers: v.array(container),
        volumes: v.array(
          v.looseObject({
            name: v.string(),
            configMap: v.optional(v.object({ name: v.string() })),
            hostPath: v.optional(v.object({ path: v.string(), type: v.optional(v.string()) })),
          }),
        ),
      }),
    }),
  }),
});

/** What the one DaemonSet among objects runs. */
export function podOf(objects: readonly Manifest[]) {
  const [found, ...others] = objects.filter(({ kind }) => kind === 'DaemonSet');
  if (found === undefined || others.length > 0) throw new Error('there is not exactly one DaemonSet');
  return v.parse(daemonSet, found).spec.template.spec;
}

const configMap = v.looseObject({ ...manifest.entries, data: v.record(v.string(), v.string()) });

/** Files of the ConfigMap of that name; undefined when it is not among the objects. */
export function configMapOf(objects: readonly Manifest[], name: string) {
  const found = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
  return found === undefined ? undefined : v.parse(configMap, found).data;
}
