// What .ci/run runs after setup: `npm test`, then what is too slow or too broad for it.
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, root, runCommand, runToEnd } from './step.mts';

interface Suite {
  readonly name: string;
  readonly run: (suite: string) => Promise<Tally>;
}

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Add a suite here: a mere command is `exitsWithZero('npm', 'run', …)`, one that ends with "N passed, N failed" is `countsItself(…)`. */
const suites: readonly Suite[] = [
  { name: 'npm test', run: countsItself('npm', 'test') },
  { name: 'setup', run: setupIsQuickTheSecondTime },
  { name: 'demo', run: demoLeavesNothing },
  { name: 'cluster', run: countsItself('npm', 'run', 'test:cluster') },
  { name: 'soak', run: countsItself('npm', 'run', 'soak', '--', '--minutes', '2') },
  { name: 'bench', run: exitsWithZero('npm', 'run', 'bench', '--', '--quick') },
];

// The grace is longer than that of the runners it starts, so that they can end their own first.
await runToEnd(main, 6);

async function main(): Promise<number> {
  const total = { passed: 0, failed: 0 };
  for (const { name, run } of suites) {
    console.log(`${name}: started`);
    const { passed, failed } = await run(name);
    console.log(`${name}: ${passed} ok, ${failed} not ok`);
    total.passed += passed;
    total.failed += failed;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 ? 1 : 0;
}

/** Counted by its own last line. */
function countsItself(...argv: [string, ...string[]]): Suite['run'] {
  return async (suite) => {
    const { ok, output } = await shown(suite, argv);
    const [, passed, failed] = output.match(/^(\d+) passed, (\d+) failed(?:, \d+ skipped)?\s*$/m) ?? [];
    if (passed === undefined) return problem(suite, 'ended without its counts');
    return { passed: Number(passed), failed: ok ? Number(failed) : Math.max(Number(failed), 1) };
  };
}

function exitsWithZero(...argv: [string, ...string[]]): Suite['run'] {
  return async (suite) =>
    (await shown(suite, argv)).ok ? { passed: 1, failed: 0 } : problem(suite, 'failed');
}

/** In a directory that has only what setup reads: the first run installs, the second must find nothing to do. */
async function setupIsQuickTheSecondTime(suite: string): Promise<Tally> {
  const fresh = await mkdtemp(join(tmpdir(), 'nodeplane-ci-'));
  try {
    for (const name of ['package.json', 'package-lock.json', '.npmrc', 'scripts/setup.sh']) {
      await cp(join(root, name), join(fresh, name));
    }
    const argv = ['npm', 'run', 'setup'] as const;
    if (!(await shown(suite, argv, { cwd: fresh })).ok) return problem(suite, 'failed in a fresh directory');
    const { ok, seconds } = await shown(suite, argv, { cwd: fresh });
    if (!ok || seconds >= 1)
      return problem(suite, `the second time took ${seconds.toFixed(1)} s, must be less than 1 s`);
    return { passed: 1, failed: 0 };
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** It gets a temporary directory of its own, and all its processes carry a mark, so that others on this machine do not matter. */
async function demoLeavesNothing(suite: string): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), 'nodeplane-ci-'));
  const mark = `NODEPLANE_CI_MARK=${directory}`;
  try {
    const before = await leftovers(directory, mark);
    const { ok } = await shown(suite, ['env', mark, `TMPDIR=${directory}`, 'npm', 'run', 'demo']);
    if (!ok) return problem(suite, 'did not exit with 0');
    const left = (await leftovers(directory, mark)).filter((thing) => !before.includes(thing));
    return left.length > 0 ? problem(suite, `left behind: ${left.join(', ')}`) : { passed: 1, failed: 0 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Network namespaces, links, temporary files, and processes that carry the mark. */
async function leftovers(directory: string, mark: string): Promise<string[]> {
  const namespaces = await runCommand({ argv: ['ip', 'netns', 'list'] });
  const links = await runCommand({ argv: ['ip', '-brief', 'link', 'show'] });
  const ours = (await readdir(directory)).filter((name) => !name.startsWith('tsx-')); // tsx keeps its cache there
  const strays = (await readdir('/tmp')).filter((name) => /^(nodeplane|np-)/.test(name));
  return [
    ...firstWords(namespaces).map((name) => `network namespace ${name}`),
    ...firstWords(links).map((name) => `network link ${name}`),
    ...ours.map((name) => join(directory, name)),
    ...strays.map((name) => join('/tmp', name)),
    ...(await processesWith(mark)).map((pid) => `process ${pid}`),
  ];
}

function firstWords({ output }: Outcome): string[] {
  return output.split('\n').flatMap((line) => line.match(/^\S+/)?.[0] ?? []);
}

async function processesWith(mark: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, index) => environments[index]?.split('\0').includes(mark));
}

/** Runs it with each line of output shown under the suite's name, so that only our last line counts at the margin. */
async function shown(
  suite: string,
  argv: readonly [string, ...string[]],
  options: { readonly cwd?: string } = {},
): Promise<Outcome> {
  let pending = '';
  const onOutput = (text: string) => {
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) console.log(`[${suite}] ${line}`);
  };
  const outcome = await runCommand({ argv, onOutput, ...options });
  if (pending) console.log(`[${suite}] ${pending}`);
  return outcome;
}

function problem(suite: string, what: string): Tally {
  console.log(`[${suite}] FAILED: ${what}`);
  return { passed: 0, failed: 1 };
}
