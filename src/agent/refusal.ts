import { RestoreError } from '../kernel/restore-error.ts';

/** A restore that failed because of what was sent, and not for want of a lock, permissions or time. */
export interface Refusal {
  readonly error: RestoreError;
  /** Key of the Route whose line was refused; undefined: iptables-legacy names only the COMMIT, or the line serves the whole node. */
  readonly service: string | undefined;
  /** Nothing was applied: no table before the refused one was in the text. */
  readonly untouched: boolean;
}

/** Reads an error as a refusal; undefined when it is something else. */
export function refusalOf(thrown: unknown): Refusal | undefined {
  if (!(thrown instanceof RestoreError)) return undefined;
  const { code, refused } = thrown;
  const isAboutText =
    code === 'NP-KERNEL-004' || code === 'NP-KERNEL-007' || (code === 'NP-KERNEL-005' && refused);
  if (!isAboutText) return undefined;
  const untouched = refused !== undefined && refused.text !== '' && refused.committed.length === 0;
  return { error: thrown, service: refused?.service, untouched };
}
