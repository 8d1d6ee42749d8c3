import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

it('runs as a program, answers each line, and leaves nothing behind', async () => {
  const program = join(import.meta.dirname, 'main.mts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, '{"names":["10.1.2.3"]}'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value ?? '{}');
    const { url, kubeconfig, directory } = await next();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(existsSync(kubeconfig)).toBe(true);
    child.stdin.write('{"do":"fill","size":{"services":10,"endpoints":2}}\nnonsense\n');
    expect(await next()).toMatchObject({ ok: true });
    expect(await next()).toMatchObject({ ok: false });
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(existsSync(directory)).toBe(false);
  } finally {
    child.kill('SIGKILL');
  }
}, 30_000);
