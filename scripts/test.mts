// The runner behind `npm test`: every check there is, two at a time, quiet while all is well.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whyNoKernel } from './kernel-probe.mts';
import { bin, runCommand, runToEnd } from './step.mts';
import type { Counts } from './vitest-counts.mts';

interface Step {
  readonly name: string;
  readonly about: string;
  readonly argv: readonly [string, ...string[]];
  /** Counted by test instead of as one check. */
  readonly project?: string;
  /** Runs after all others, with the machine to itself, and is skipped where the kernel cannot be had. */
  readonly needsKernel?: true;
}

interface Result extends Counts {
  readonly name: string;
  readonly seconds: number;
}

const steps: readonly Step[] = [
  {
    name: 'biome',
    about: 'format and lint',
    argv: [bin('biome'), 'ci', '--error-on-warnings', '--colors=off'],
  },
  { name: 'oxlint', about: 'lint with types, size budget', argv: [bin('oxlint'), '--type-aware'] },
  { name: 'types', about: 'tsc', argv: [bin('tsc')] },
  {
    name: 'knip',
    about: 'unused files, exports and dependencies',
    argv: [bin('knip')],
  },
  {
    name: 'build',
    about: 'dist/nodeplane.mjs',
    argv: [bin('tsx'), 'scripts/build.mts'],
  },
  { name: 'unit', about: 'tests beside the code, conformance', argv: vitest('unit'), project: 'unit' },
  {
    name: 'kernel',
    about: 'tests in network namespaces',
    argv: vitest('kernel'),
    project: 'kernel',
    needsKernel: true,
  },
];

const isCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');

await runToEnd(() => main(process.argv.slice(2)), 3);

async function main(args: string[]): Promise<number> {
  const chosen = chooseSteps(args);
  if (typeof chosen === 'number') return chosen;
  const results = await atMostTwo(chosen.filter((step) => !step.needsKernel));
  for (const step of chosen.filter((step) => step.needsKernel)) results.push(await runKernelStep(step));
  return report(chosen.flatMap(({ name }) => results.find((result) => result.name === name) ?? []));
}

/** The steps to run, or an exit code when there is nothing to run. */
function chooseSteps(args: string[]): readonly Step[] | number {
  try {
    const { values } = parseArgs({
      args,
      options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      console.log(usage());
      return 0;
    }
    const names = values.only?.split(',') ?? steps.map(({ name }) => name);
    const unknown = names.filter((name) => !steps.some((step) => step.name === name));
    if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(', ')}`);
    return steps.filter(({ name }) => names.includes(name));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage()}`);
    return 2;
  }
}

function usage(): string {
  const lines = steps.map(({ name, about }) => `  ${name.padEnd(8)} ${about}`);
  return `Usage: npm test -- [--only STEP,STEP...]\n\nSteps:\n${lines.join('\n')}`;
}

async function atMostTwo(queue: readonly Step[]): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...queue];
  const worker = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) results.push(await runStep(step));
  };
  await Promise.all([worker(), worker()]);
  return results;
}

async function runKernelStep(step: Step): Promise<Result> {
  const reason = await whyNoKernel();
  if (!reason) return runStep(step);
  const skipped = skip(step, reason);
  // A skip on a developer's machine is news; in CI, where the kernel was promised, it is a failure.
  return isCi ? { ...skipped, failed: 1 } : skipped;
}

function skip({ name }: Step, reason: string): Result {
  return { name, passed: 0, failed: 0, skipped: [`all of it (${reason})`], seconds: 0 };
}

async function runStep(step: Step): Promise<Result> {
  console.log(`${step.name}: started`);
  const directory = await mkdtemp(join(tmpdir(), 'nodeplane-test-'));
  try {
    const file = join(directory, 'counts.json');
    const { ok, output, seconds } = await runCommand({
      argv: step.argv,
      env: { NODEPLANE_COUNTS: file, NO_COLOR: '1' },
    });
    const counts = step.project
      ? await readCounts(file)
      : { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: [] };
    const failed = ok ? counts.failed : Math.max(counts.failed, 1);
    if (failed > 0) console.log(`\n${output.trimEnd()}\n`);
    console.log(`${step.name}: ${failed > 0 ? 'FAILED' : 'passed'} after ${seconds.toFixed(1)} s`);
    return { ...counts, name: step.name, failed, seconds };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** No counts at all, or counts of nothing, mean that no test was found: a failure. */
async function readCounts(file: string): Promise<Counts> {
  const text = await readFile(file, 'utf8').catch(() => '{"passed":0,"failed":0,"skipped":[]}');
  const counts: Counts = JSON.parse(text);
  const ran = counts.passed + counts.failed + counts.skipped.length > 0;
  return ran ? counts : { ...counts, failed: 1 };
}

function report(results: readonly Result[]): number {
  const rows = results.map((r) => [r.name, r.passed, r.failed, r.skipped.length, r.seconds.toFixed(1)]);
  const total = { passed: sum(results.map((r) => r.passed)), failed: sum(results.map((r) => r.failed)) };
  const skipped = sum(results.map((r) => r.skipped.length));
  console.log();
  for (const row of [['step', 'passed', 'failed', 'skipped', 'seconds'], ...rows]) {
    const [name, ...numbers] = row.map(String);
    console.log(`${name?.padEnd(8)}${numbers.map((number) => number.padStart(9)).join('')}`);
  }
  console.log();
  for (const { name, skipped } of results)
    for (const reason of skipped) console.log(`skipped: ${name}: ${reason}`);
  console.log(`${total.passed} passed, ${total.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return total.failed > 0 ? 1 : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function vitest(project: string): readonly [string, ...string[]] {
  return [
    bin('vitest'),
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=./scripts/vitest-counts.mts',
  ];
}
