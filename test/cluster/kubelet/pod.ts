import type { Place } from '../network/network.ts';

/** What the stand-in reads of a Pod. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
    readonly deletionTimestamp?: string;
    /** From `deletionTimestamp` back to when somebody asked for the end. */
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly affinity?: {
      readonly nodeAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution?: {
          readonly nodeSelectorTerms?: readonly NodeSelectorTerm[];
        };
      };
    };
    readonly tolerations?: readonly Toleration[];
    readonly containers: readonly Container[];
  };
  readonly status?: { readonly phase?: string };
}

export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly ports?: readonly { readonly containerPort: number; readonly protocol?: string }[];
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
}

/** `namespace/name`, which is also its place. */
export function keyOf({ metadata }: Pick<Pod, 'metadata'>): Place {
  return `${metadata.namespace}/${metadata.name}`;
}

/** How long it serves on after somebody asked for its end: `sleep` of its containers, but no longer than it has. */
export function lingerMilliseconds({ metadata, spec }: Pod): number {
  const sleeps = spec.containers.map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0);
  return Math.min(Math.max(0, ...sleeps), metadata.deletionGracePeriodSeconds ?? 0) * 1000;
}

/** What `spec` asks for and the annotation allows. */
export function mayBeReady({ metadata }: Pod): boolean {
  return metadata.annotations?.['ready'] !== 'false';
}
