import type { Api } from '../api.ts';
import type { Node, Taint } from './node-objects.ts';
import { keyOf, type NodeSelectorTerm, type Pod, type Requirement } from './pod.ts';

/** Binds Pods that have no node: each where it may run and the fewest of its kind do. */
export class Scheduler {
  readonly #api: Api;
  /** Nodes of Pods that are bound, or being bound, by uid; the mirror hears of it later. */
  readonly #bound = new Map<string, string>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** Binds what it can; what it cannot is tried again when it is called next. */
  async schedule(pods: Iterable<Pod>, nodes: Iterable<Node>): Promise<void> {
    const all = [...pods];
    const candidates = [...nodes];
    const there = new Set(all.map(({ metadata }) => metadata.uid));
    for (const uid of this.#bound.keys()) if (!there.has(uid)) this.#bound.delete(uid);
    const bindings: Promise<void>[] = [];
    for (const pod of all) {
      if (this.#nodeOf(pod) !== undefined || pod.metadata.deletionTimestamp !== undefined) continue;
      const node = this.#choose(pod, candidates, all);
      if (node !== undefined) bindings.push(this.#bind(pod, node));
    }
    await Promise.all(bindings);
  }

  #nodeOf({ metadata, spec }: Pod): string | undefined {
    return spec.nodeName ?? this.#bound.get(metadata.uid);
  }

  #choose(pod: Pod, nodes: readonly Node[], pods: readonly Pod[]): string | undefined {
    const rated = nodes
      .filter((node) => mayRunOn(pod, node))
      .map(({ metadata: { name } }) => {
        const there = pods.filter((each) => this.#nodeOf(each) === name);
        const siblings = there.filter((each) => ownerOf(each) === ownerOf(pod));
        return { name, siblings: siblings.length, all: there.length };
      });
    rated.sort((a, b) => a.siblings - b.siblings || a.all - b.all || a.name.localeCompare(b.name));
    return rated[0]?.name;
  }

  async #bind({ metadata }: Pod, node: string): Promise<void> {
    const { namespace, name, uid } = metadata;
    this.#bound.set(uid, node);
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/binding`;
    const answer = await this.#api.request('POST', path, binding).catch(() => undefined);
    if (answer?.status !== 201) this.#bound.delete(uid);
  }
}

function ownerOf(pod: Pod): string {
  return pod.metadata.ownerReferences?.[0]?.uid ?? keyOf(pod);
}

function mayRunOn(pod: Pod, { metadata, spec }: Node): boolean {
  const labels = metadata.labels ?? {};
  const wanted = Object.entries(pod.spec.nodeSelector ?? {});
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return (
    taintsOf(spec).every((taint) => tolerates(pod, taint)) &&
    wanted.every(([key, value]) => labels[key] === value) &&
    (terms === undefined || terms.some((term) => matches(term, labels, metadata.name)))
  );
}

/** A cordon is a taint too, which in other clusters the node lifecycle controller writes. */
function taintsOf(spec: Node['spec']): readonly Taint[] {
  const cordoned = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  const taints = (spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  return spec?.unschedulable === true ? [cordoned, ...taints] : taints;
}

function tolerates(pod: Pod, taint: Taint): boolean {
  return (pod.spec.tolerations ?? []).some(
    ({ key, operator, value, effect }) =>
      (key === undefined || key === taint.key) &&
      (effect === undefined || effect === taint.effect) &&
      (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
  );
}

function matches(term: NodeSelectorTerm, labels: Readonly<Record<string, string>>, name: string): boolean {
  return (
    (term.matchExpressions ?? []).every((each) => holds(each, labels[each.key])) &&
    (term.matchFields ?? []).every((each) => holds(each, name))
  );
}

function holds({ operator, values = [] }: Requirement, actual: string | undefined): boolean {
  if (operator === 'Exists') return actual !== undefined;
  if (operator === 'DoesNotExist') return actual === undefined;
  const among = actual !== undefined && values.includes(actual);
  return operator === 'NotIn' ? !among : among;
}
