import { existsSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createExec, exec } from './exec.ts';

const timeoutMilliseconds = 10_000;

function sh(script: string): readonly [string, ...string[]] {
  return ['sh', '-c', script];
}

/** Whether the process runs; one that has ended and waits for init to notice does not. */
function isAlive(pid: string): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

test('tells how the program ended and what it printed', async () => {
  const result = await exec({
    argv: sh('cat; echo bad >&2; exit 3'),
    stdin: ['one ', 'two'],
    timeoutMilliseconds,
  });
  expect(result).toMatchObject({
    argv: ['sh', '-c', 'cat; echo bad >&2; exit 3'],
    exitCode: 3,
    signal: undefined,
    timedOut: false,
    stdout: 'one two',
    stderr: 'bad\n',
  });
  expect(result.milliseconds).toBeGreaterThan(0);
});

test('arguments reach the program as they are: there is no shell', async () => {
  const { stdout } = await exec({ argv: ['printf', '%s|', '$HOME', 'a b', '; id', ''], timeoutMilliseconds });
  expect(stdout).toBe('$HOME|a b|; id||');
});

test('the program sees PATH and LC_ALL and nothing of our environment', async () => {
  process.env['NODEPLANE_TEST_SECRET'] = 'x';
  const { stdout } = await exec({ argv: ['env'], timeoutMilliseconds });
  delete process.env['NODEPLANE_TEST_SECRET'];
  expect(stdout.split('\n').map((line) => line.split('=')[0])).toEqual(['PATH', 'LC_ALL', '']);
  expect(stdout).toContain(':/usr/sbin:/sbin:');
});

test('a program that does not exist is NP-KERNEL-001 and names the package', async () => {
  await expect(exec({ argv: ['nodeplane-no-such-program'], timeoutMilliseconds })).rejects.toMatchObject({
    code: 'NP-KERNEL-001',
    message: expect.stringContaining('nodeplane-no-such-program was not found in /'),
  });
  await expect(exec({ argv: ['/nowhere/nft'], timeoutMilliseconds })).rejects.toMatchObject({
    code: 'NP-KERNEL-001',
    message: 'The program /nowhere/nft was not found.',
    remedy: expect.stringContaining('apt-get install nftables'),
  });
});

test('a file that cannot be executed is NP-KERNEL-007', async () => {
  await expect(exec({ argv: ['/etc/passwd'], timeoutMilliseconds })).rejects.toMatchObject({
    code: 'NP-KERNEL-007',
    message: expect.stringContaining('EACCES'),
  });
});

test('an argument with a NUL byte is an error, not a crash', async () => {
  await expect(exec({ argv: ['echo', 'a\0b'], timeoutMilliseconds })).rejects.toMatchObject({
    code: 'NP-KERNEL-007',
  });
});

test('20 MB of standard input wait for a slow reader instead of piling up here', async () => {
  const piece = 'x'.repeat(64 * 1024);
  let handedOver = 0;
  let mostAtOnce = 0;
  function* pieces(): Generator<string> {
    const begin = performance.now();
    for (; handedOver < 320; handedOver += 1) {
      if (performance.now() - begin < 200) mostAtOnce = handedOver;
      yield piece;
    }
  }
  const result = await exec({ argv: sh('sleep 0.8; wc -c'), stdin: pieces(), timeoutMilliseconds });
  expect(result.stdout.trim()).toBe(String(320 * 64 * 1024));
  expect(mostAtOnce).toBeLessThan(5);
});

test('a program that ends without reading its input is no error of ours', async () => {
  const stdin = Array.from({ length: 300 }, () => 'x'.repeat(64 * 1024));
  expect(await exec({ argv: sh('exit 7'), stdin, timeoutMilliseconds })).toMatchObject({ exitCode: 7 });
});

test('what iterating the input throws is thrown on, and the program is gone', async () => {
  function* pieces(): Generator<string> {
    yield 'begin';
    throw new Error('no more rules');
  }
  const began = performance.now();
  await expect(exec({ argv: ['cat'], stdin: pieces(), timeoutMilliseconds })).rejects.toThrow(
    'no more rules',
  );
  expect(performance.now() - began).toBeLessThan(5000);
});

test('a program that takes too long gets SIGTERM', async () => {
  const result = await exec({ argv: ['sleep', '60'], timeoutMilliseconds: 100 });
  expect(result).toMatchObject({ timedOut: true, signal: 'SIGTERM', exitCode: undefined });
  expect(result.milliseconds).toBeLessThan(1500);
});

test('a program and children that ignore SIGTERM get SIGKILL', async () => {
  const impatient = createExec({ graceMilliseconds: 100 });
  const argv = sh("trap '' TERM; sleep 61 & echo $!; sleep 61 & echo $!; wait; wait; wait");
  const result = await impatient({ argv, timeoutMilliseconds: 100 });
  expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
  expect(result.milliseconds).toBeLessThan(2000);
  for (const pid of result.stdout.trim().split('\n')) await expect.poll(() => isAlive(pid)).toBe(false);
});

test('a grandchild that left the group and keeps the pipes open cannot hold us', async () => {
  const impatient = createExec({ graceMilliseconds: 100 });
  const result = await impatient({ argv: sh('setsid sleep 3 & exit 0'), timeoutMilliseconds: 100 });
  expect(result).toMatchObject({ timedOut: true, exitCode: 0 });
  expect(result.milliseconds).toBeLessThan(2000);
});

test('aborting ends the program', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  const running = exec({ argv: ['sleep', '60'], timeoutMilliseconds, abort: abort.signal });
  expect(await running).toMatchObject({ timedOut: false, signal: 'SIGTERM' });
  const late = exec({ argv: ['sleep', '60'], timeoutMilliseconds, abort: AbortSignal.abort() });
  expect(await late).toMatchObject({ timedOut: false, signal: 'SIGTERM' });
});

test('standard output beyond the cap stops the program', async () => {
  const small = createExec({ stdoutCharacters: 1000 });
  await expect(small({ argv: ['yes'], timeoutMilliseconds })).rejects.toMatchObject({
    code: 'NP-KERNEL-007',
    message: 'yes failed: it printed more than 1000 characters and was stopped',
  });
});

test('standard output can be taken in pieces, beyond the cap, and is not kept', async () => {
  const small = createExec({ stdoutCharacters: 1000 });
  let [characters, pieces] = [0, 0];
  const { stdout, exitCode } = await small({
    argv: sh('yes é | head -c 3000000'),
    timeoutMilliseconds,
    onStdout: (piece) => {
      characters += piece.length;
      pieces += 1;
    },
  });
  expect({ stdout, exitCode, characters }).toEqual({ stdout: '', exitCode: 0, characters: 2_000_000 });
  expect(pieces).toBeGreaterThan(10);
});

test('a taker of standard output is given the next piece when it is done with the one before', async () => {
  let [busy, most, characters] = [0, 0, 0];
  const taken = await exec({
    argv: sh('yes | head -c 1000000'),
    timeoutMilliseconds,
    onStdout: async (piece) => {
      busy += 1;
      most = Math.max(most, busy);
      await setImmediate();
      characters += piece.length;
      busy -= 1;
    },
  });
  expect({ most, characters, busy }).toEqual({ most: 1, characters: 1_000_000, busy: 0 });
  expect(taken.exitCode).toBe(0);
});

test('a taker whose promise is broken ends the program', async () => {
  const onStdout = () => Promise.reject(new Error('enough'));
  await expect(exec({ argv: ['yes'], timeoutMilliseconds, onStdout })).rejects.toThrow('enough');
});

test('who throws while taking standard output ends the program', async () => {
  const onStdout = (): void => {
    throw new Error('enough');
  };
  await expect(exec({ argv: ['yes'], timeoutMilliseconds, onStdout })).rejects.toThrow('enough');
});

test('standard error keeps its head and its tail', async () => {
  const { stderr } = await exec({
    argv: sh('echo first >&2; yes | head -c 1000000 >&2; echo last >&2'),
    timeoutMilliseconds,
  });
  expect(stderr.slice(0, 6)).toBe('first\n');
  expect(stderr.slice(-5)).toBe('last\n');
  expect(stderr).toContain(`\n[${1_000_011 - 65_536} bytes left out]\n`);
  expect(stderr.length).toBeLessThan(66_000);
});
