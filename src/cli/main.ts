import './small-heap.ts';
import type { Actions } from './actions.ts';
import { processIo } from './io.ts';
import { main } from './program.ts';

process.exitCode = await main(process.argv.slice(2), processIo(), loadActions);

/** The agent, loaded when a verb needs it. */
async function loadActions(): Promise<Actions> {
  const [{ render }, { apply }, { diff }, { cleanup }, { initialize }, { check }, { run }] =
    await Promise.all([
      import('../agent/render.ts'),
      import('../agent/apply.ts'),
      import('../agent/diff.ts'),
      import('../agent/cleanup.ts'),
      import('../agent/initialize.ts'),
      import('../agent/check/check.ts'),
      import('../agent/run.ts'),
    ]);
  return { render, apply, diff, cleanup, initialize, check, run };
}
