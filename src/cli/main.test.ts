import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const entry = join(import.meta.dirname, 'main.ts');

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program as a process of its own; `deaf` closes our end of its standard output at once. */
async function start(argv: readonly string[], deaf: boolean): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', entry, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk) => stdout.push(String(chunk)));
  child.stderr.on('data', (chunk) => stderr.push(String(chunk)));
  if (deaf) child.stdout.destroy();
  const [code]: unknown[] = await once(child, 'close');
  return { code, stdout: stdout.join(''), stderr: stderr.join('') };
}

describe('the process', { timeout: 30_000 }, () => {
  it('prints, and exits with the code of main', async () => {
    const [help, wrong] = await Promise.all([start(['--help'], false), start(['dif'], false)]);
    expect(help).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: nodeplane <verb>/),
      stderr: '',
    });
    expect(wrong).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('error NP-CLI-004: '),
    });
  });

  it('ends quietly when nobody reads', async () => {
    expect(await start(['--help'], true)).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});
