/** What is wrong with one object from the cluster. A finding names the object and never stops the others. */
export interface Finding {
  readonly code: FindingCode;
  /** Kind and name, as kubectl prints them: `Service default/web`. For a file: `File web.yaml:12:3`. */
  readonly object: string;
  /** Path of the field: `spec.ports[0].port`; empty when the whole object is meant. */
  readonly field: string;
  readonly reason: string;
  /** `metadata.uid` of the object where it has one, so that an Event is shown with it. */
  readonly uid?: string;
}

interface FindingKind {
  /** What the code means, in one sentence for docs/errors.md. */
  readonly meaning: string;
  readonly remedy: string;
}

/**
 * Every finding, declared once. `docs/errors.md` lists them and a test keeps both equal.
 * `NP-OBJECT-*` come from the content of Kubernetes objects, `NP-SOURCE-*` from where they were read.
 */
export const findingKinds = {
  'NP-OBJECT-001': {
    meaning: 'A field has a value that Kubernetes does not allow; the whole object is refused.',
    remedy: 'Correct the field. The last good state of the object stays programmed until then.',
  },
  'NP-OBJECT-002': {
    meaning: 'An entry of a list is invalid; the entry is left out, the rest of the object is used.',
    remedy: 'Correct or remove the entry.',
  },
  'NP-OBJECT-003': {
    meaning:
      'Two Services claim the same address, protocol and port. A ClusterIP wins over a load balancer, that over an external IP, then the first by name.',
    remedy: 'Give one of the Services another address or port.',
  },
  'NP-OBJECT-004': {
    meaning: 'The object has a kind or apiVersion that nodeplane does not use; it is ignored.',
    remedy: 'Nothing to do, or remove the file if it was meant to be read.',
  },
  'NP-OBJECT-005': {
    meaning: 'The Node object of this node has not been seen; what depends on it uses defaults.',
    remedy: 'Check --node, and that the Node object is part of the source.',
  },
  'NP-OBJECT-006': {
    meaning:
      'The kernel refuses the rules of this Service port; it is left out, and everything else is programmed.',
    remedy:
      'The reason names the rule. Correct the Service, or give the kernel what it lacks; it is tried again.',
  },
  'NP-OBJECT-007': {
    meaning: 'This kernel lacks the match `recent`; the Service is balanced without session affinity.',
    remedy: 'Load the module xt_recent on the node.',
  },
  'NP-OBJECT-008': {
    meaning: 'This kernel lacks the match `sctp`; the port is not programmed.',
    remedy: 'Load the module xt_sctp on the node.',
  },
  'NP-SOURCE-001': {
    meaning: 'A file could not be parsed; the last good state of its objects stays.',
    remedy: 'Correct the file at the line and column given.',
  },
  'NP-SOURCE-002': {
    meaning: 'A file could not be read; the last good state of its objects stays.',
    remedy: 'Check that the file exists and that nodeplane may read it.',
  },
  'NP-SOURCE-003': {
    meaning: 'The same object stands in two files, or twice in one; the first in sort order counts.',
    remedy: 'Keep the object in one place only.',
  },
  'NP-SOURCE-004': {
    meaning: 'The kernel does not tell of changes in the directory; they are seen some seconds later.',
    remedy: 'Raise fs.inotify.max_user_watches and fs.inotify.max_user_instances.',
  },
} as const satisfies Record<string, FindingKind>;

export type FindingCode = keyof typeof findingKinds;
