import type { ObjectKind } from './change.ts';
import type { Finding, FindingCode } from './finding.ts';
import { isDnsLabel } from './names.ts';
import { printable, printableName } from './printable.ts';
import { at, type Field, isRecord, type Report, recordAt, textAt } from './read.ts';
import { objectKey } from './service.ts';

/** What became of one object from outside. */
export type Read<T> =
  | {
      readonly outcome: 'use';
      /** `namespace/name`, or `name` of an object without namespace. */
      readonly key: string;
      readonly object: T;
      /** Entries that were left out (NP-OBJECT-002). */
      readonly findings: readonly Finding[];
    }
  /** The object is well but not for a service proxy: as if it were not there. `reason` says why. */
  | { readonly outcome: 'ignore'; readonly key: string; readonly reason: string }
  /** Kubernetes would not allow the object (NP-OBJECT-001). `key` is undefined when it has no usable name. */
  | { readonly outcome: 'refuse'; readonly key: string | undefined; readonly findings: readonly Finding[] };

/** Where a reader notes what is wrong. */
export interface Notes {
  /** The whole object is refused. */
  readonly refuse: Report;
  /** Only this entry is left out. */
  readonly leaveOut: Report;
}

/** The object under its checked name, as a reader gets it. */
export interface Named {
  readonly namespace: string;
  readonly name: string;
  /** `metadata.uid`; undefined when it is absent or no identifier. */
  readonly uid: string | undefined;
  readonly metadata: Field;
  /** Labels, or a Field without value. */
  readonly labels: Field;
  /** The whole object. */
  readonly root: Field;
}

interface Kind<T> {
  readonly kind: ObjectKind;
  readonly namespaced: boolean;
  readonly isName: (text: string) => boolean;
  /** What a name of this kind must be, to end "must be …". */
  readonly nameRule: string;
  /** Why the object is not for us; asked before anything but its name is checked. */
  readonly ignored?: (object: Named) => string | undefined;
  /** Builds the object; what it returns is thrown away when it has called `refuse`. */
  readonly build: (object: Named, notes: Notes) => T;
}

/** A hostile object could otherwise bring a million findings. */
const maxFindings = 16;

/** Reads one object of a kind. Never throws, whatever `raw` is. An absent namespace is `default`, as kubectl reads files. */
export function readObject<T>(kind: Kind<T>, raw: unknown): Read<T> {
  const notes = takeNotes();
  const object = identify(kind, raw, notes);
  const about = aboutOf(`${kind.kind} ${describe(kind, raw)}`, object.uid);
  if (notes.refused()) return { outcome: 'refuse', key: undefined, findings: notes.findings(about) };
  const key = kind.namespaced ? objectKey(object) : object.name;
  const reason = kind.ignored?.(object);
  if (reason !== undefined) return { outcome: 'ignore', key, reason };
  const built = kind.build(object, notes);
  const findings = notes.findings(about);
  return notes.refused()
    ? { outcome: 'refuse', key, findings }
    : { outcome: 'use', key, object: built, findings };
}

/** Text of a label; undefined when it is absent. A label that is no text is as good as absent for selection. */
export function labelOf(object: Named, label: string): string | undefined {
  const { value } = at(object.labels, label);
  return typeof value === 'string' ? value : undefined;
}

export function hasLabel(object: Named, label: string): boolean {
  return isRecord(object.labels.value) && Object.hasOwn(object.labels.value, label);
}

function identify<T>(kind: Kind<T>, raw: unknown, { refuse }: Notes): Named {
  const root: Field = { path: '', value: raw };
  if (!isRecord(raw)) refuse(root, `must be an object, is ${printable(raw)}`);
  const metadata = recordAt(root, 'metadata', refuse);
  const namespace = kind.namespaced ? (textAt(metadata, 'namespace', refuse) ?? 'default') : '';
  const name = textAt(metadata, 'name', refuse) ?? '';
  if (kind.namespaced && !isDnsLabel(namespace)) {
    refuse(
      at(metadata, 'namespace'),
      `must be a DNS label of at most 63 characters, is ${printable(namespace)}`,
    );
  }
  if (!kind.isName(name)) {
    refuse(at(metadata, 'name'), `must be ${kind.nameRule}, is ${printable(at(metadata, 'name').value)}`);
  }
  const labels = recordAt(metadata, 'labels', refuse);
  return { namespace, name, uid: uidOf(metadata), metadata, labels, root };
}

/** Kubernetes makes it and never reads it, so a strange one is no reason for a finding. */
function uidOf(metadata: Field): string | undefined {
  const { value } = at(metadata, 'uid');
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}

/** `namespace/name` for people, also of an object whose name is refused. */
function describe<T>(kind: Kind<T>, raw: unknown): string {
  const metadata = at({ path: '', value: raw }, 'metadata');
  const name = nameFor(at(metadata, 'name').value);
  return kind.namespaced ? `${nameFor(at(metadata, 'namespace').value ?? 'default')}/${name}` : name;
}

function nameFor(value: unknown): string {
  return typeof value === 'string' ? printableName(value) : `(${printable(value)})`;
}

type About = Pick<Finding, 'object' | 'uid'>;

function aboutOf(object: string, uid: string | undefined): About {
  return uid === undefined ? { object } : { object, uid };
}

/** Of each field only what was wrong first is kept; the rest usually follows from it. */
function takeNotes(): Notes & { refused(): boolean; findings(about: About): readonly Finding[] } {
  const noted: Omit<Finding, keyof About>[] = [];
  let refused = false;
  let more = 0;
  const note = (code: FindingCode, field: Field, reason: string): void => {
    if (noted.some((known) => known.field === field.path)) return;
    if (noted.length < maxFindings) noted.push({ code, field: field.path, reason });
    else more++;
  };
  return {
    refuse: (field, reason) => {
      if (!refused) noted.length = 0;
      refused = true;
      note('NP-OBJECT-001', field, reason);
    },
    leaveOut: (field, reason) => {
      if (!refused) note('NP-OBJECT-002', field, reason);
    },
    refused: () => refused,
    findings: (about) =>
      noted.map((finding, index) => ({
        ...about,
        ...finding,
        reason:
          index === maxFindings - 1 && more > 0 ? `${finding.reason} (and ${more} more)` : finding.reason,
      })),
  };
}
