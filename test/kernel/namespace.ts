import type { Exec } from '../../src/kernel/exec.ts';
import { exec } from '../../src/kernel/exec.ts';
import { Holder } from '../netns/holder.ts';

/** A network namespace with an empty /run of its own. */
export interface Namespace {
  /** Words that go before an argv to run it inside. */
  readonly enter: readonly [string, ...string[]];
  /** Runs programs inside. One that does not exist ends with exit code 127. */
  readonly exec: Exec;
  /** Runs a shell script inside, for what the kernel shall be before the test. Returns what it printed. */
  readonly script: (text: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** @param before words that go before every argv of `exec`: to drop privileges, for one. */
export async function openNamespace(...before: readonly string[]): Promise<Namespace> {
  const holder = await Holder.start();
  await holder.script('ip netns add test');
  const enter = [...holder.enter('test'), ...before] as const;
  const run: Exec = (command) => exec({ ...command, argv: [...enter, ...command.argv] });
  return {
    enter,
    exec: run,
    script: (text) => holder.script(`ip netns exec test sh -ec '${text.replaceAll("'", `'\\''`)}'`),
    close: () => holder.close(),
  };
}
