import { NodeplaneError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';

/** One thing that a look at this node has found. */
export interface CheckFinding {
  /** `error`: rules cannot be written, or must not. `warning`: something works less well. */
  readonly severity: 'error' | 'warning';
  /** Code, meaning and remedy. */
  readonly error: NodeplaneError;
}

export function isObstacle({ severity }: CheckFinding): boolean {
  return severity === 'error';
}

/** All that stands in the way as one error: the thing itself when it is the only one, else `NP-CHECK-001`; undefined: nothing does. */
export function obstacle(findings: readonly CheckFinding[]): NodeplaneError | undefined {
  const errors = findings.filter(isObstacle).map(({ error }) => error);
  if (errors.length < 2) return errors[0];
  const problems = errors.map(({ code, message, remedy }) => `\n${code}: ${message}\nremedy: ${remedy}`);
  return new NodeplaneError('NP-CHECK-001', { count: errors.length, problems: problems.join('') });
}

/** Tells the log of what does not keep us from going on. */
export function tellFindings(findings: readonly CheckFinding[], log: Log): void {
  for (const { severity, error } of findings) {
    const fields = { code: error.code, reason: error.message, remedy: error.remedy };
    if (severity === 'error') log.error(fields, 'no rule can be written until this is mended');
    else log.warn(fields, 'something works less well on this node');
  }
}
