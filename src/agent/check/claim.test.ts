import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Claim, takeClaim } from './claim.ts';

/** A nodeplane of the machine that runs the tests has another one. */
const name = `TEST-${randomBytes(6).toString('hex')}`;

async function release(claim: Claim): Promise<void> {
  if (claim.kind !== 'held') throw new Error(`the claim is ${claim.kind}`);
  await claim.release();
}

it('can be had once, until it is given back', async () => {
  const first = await takeClaim(name);
  expect((await takeClaim(name)).kind).toBe('taken');
  const beside = await takeClaim(`${name}-2`);
  await release(first);
  await release(beside);
  await release(await takeClaim(name));
});

it('is free the moment its process was killed', async () => {
  const module = JSON.stringify(join(import.meta.dirname, 'claim.ts'));
  const code = `const { takeClaim } = await import(${module});
    const { kind } = await takeClaim('${name}');
    setInterval(() => undefined, 1000);
    console.log(kind);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = await once(child.stdout, 'data');
    expect(String(said)).toBe('held\n');
    expect((await takeClaim(name)).kind).toBe('taken');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  await release(await takeClaim(name));
});
