import { parseDuration } from './duration.ts';
import { isGateHonoured } from './gates.ts';
import type { Path, Problem } from './problem.ts';
import { type Effect, type FieldNote, fieldNotes } from './reference.ts';
import type { DocumentKind } from './schema.ts';

// What a document asks for. Zero values and defaults ask for nothing: kubeadm and kube-proxy write them out.

/** Fields that ask for what nodeplane does not do. */
export function refusedFields(kind: DocumentKind, value: unknown): Problem[] {
  return asking(kind, value, 'refused').map(({ path, note }) => ({
    path: path.split('.'),
    text: `nodeplane does not do this: it ${note.meaning}`,
  }));
}

/** Dotted paths of fields that ask for something and have no effect. */
export function idleFields(kind: DocumentKind, value: unknown): readonly string[] {
  const fields = asking(kind, value, 'none').map(({ path }) => path);
  return kind === 'KubeProxyConfiguration' ? [...idleGates(value), ...fields] : fields;
}

/** Own fields only: a document may be called to say `__proto__`. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function asking(
  kind: DocumentKind,
  value: unknown,
  effect: Effect,
): readonly { readonly path: string; readonly note: FieldNote }[] {
  return Object.entries(fieldNotes[kind]).flatMap(([path, note]) => {
    const found = note.effect === effect ? valueAt(value, path.split('.')) : undefined;
    return isZero(found) || isDefault(found, note) ? [] : [{ path, note }];
  });
}

function idleGates(value: unknown): readonly string[] {
  const gates = fieldOf(value, 'featureGates');
  if (typeof gates !== 'object' || gates === null) return [];
  return Object.entries(gates).flatMap(([gate, wanted]) =>
    isGateHonoured(gate, wanted === true) ? [] : [`featureGates.${gate}`],
  );
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((at: unknown, key) => fieldOf(at, String(key)), value);
}

const zeroes: readonly unknown[] = [undefined, null, '', '0', '0s', 0, false];

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return zeroes.includes(value);
}

/** `15m` is `15m0s`. */
function isDefault(value: unknown, note: FieldNote): boolean {
  const [told, given] = [note.default.replaceAll('`', ''), String(value)];
  const duration = parseDuration(given);
  return told === given || (duration !== undefined && duration === parseDuration(told));
}
