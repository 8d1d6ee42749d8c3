import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Spread, spreadOf, timed } from './figures.ts';

export interface StartJob {
  readonly kind: 'start';
  /** The bundled program. */
  readonly program: string;
  readonly runs: number;
}

/** Milliseconds from the start of a process to its end. */
export interface StartFigures {
  readonly bareNode: Spread;
  readonly version: Spread;
}

/** The two take turns, so that what else happens on the machine meets both. */
export async function measureStart({ program, runs }: StartJob): Promise<StartFigures> {
  const bare: number[] = [];
  const version: number[] = [];
  for (let run = 0; run < runs; run++) {
    bare.push(await millisecondsOf(['-e', '0']));
    version.push(await millisecondsOf([program, '--version']));
  }
  return { bareNode: spreadOf(bare), version: spreadOf(version) };
}

async function millisecondsOf(args: readonly string[]): Promise<number> {
  const { value, ms } = await timed(async () => {
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    const ended: unknown[] = await once(child, 'close');
    return ended[0];
  });
  if (value !== 0) throw new Error(`node ${args.join(' ')} ended with ${String(value)}`);
  return ms;
}
