// A vitest reporter for scripts/test.mts: writes the counts, and each skipped test with its reason (which the JSON
// reporter of vitest leaves out), to the file named by NODEPLANE_COUNTS.
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env['NODEPLANE_COUNTS'];
    if (!file) throw new Error('NODEPLANE_COUNTS does not name a file for the counts');
    writeFileSync(file, JSON.stringify(count(modules, unhandledErrors.length)));
  }
}

function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const skipped = tests.flatMap((test) => {
    const result = test.result();
    return result.state === 'skipped' ? [`${test.fullName} (${result.note ?? 'no reason given'})`] : [];
  });
  // A file that cannot be imported or a hook that throws fails no test of its own: each counts as one failure.
  const holders = modules.flatMap((module) => [module, ...module.children.allSuites()]);
  const broken = holders.filter((holder) => holder.errors().length > 0).length;
  const inState = (state: string) => tests.filter((test) => test.result().state === state).length;
  return {
    passed: inState('passed'),
    failed: inState('failed') + inState('pending') + broken + unhandledErrors,
    skipped,
  };
}
