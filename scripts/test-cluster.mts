// The runner behind `npm run test:cluster`: the bundle against a real control plane. The first run on a machine builds etcd and
// kube-apiserver, which takes minutes; test/cluster/binaries.ts tells where they are kept.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyNoKernel } from './kernel-probe.mts';
import { bin, runCommand, runToEnd } from './step.mts';
import type { Counts } from './vitest-counts.mts';

const isCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');

await runToEnd(() => main(process.argv.slice(2)), 5);

/** @param args further arguments for vitest, such as a file or `-t NAME`. */
async function main(args: readonly string[]): Promise<number> {
  const reason = await whyNoKernel();
  // A skip on a developer's machine is news; in CI, where the kernel was promised, it is a failure.
  if (reason !== undefined)
    return report({ passed: 0, failed: isCi ? 1 : 0, skipped: [`all of it (${reason})`] });
  const build = await runCommand({ argv: [bin('tsx'), 'scripts/build.mts'], onOutput: show });
  if (!build.ok) return report({ passed: 0, failed: 1, skipped: [] });
  return report(await runTests(args));
}

async function runTests(args: readonly string[]): Promise<Counts> {
  const directory = await mkdtemp(join(tmpdir(), 'nodeplane-test-'));
  try {
    const file = join(directory, 'counts.json');
    const reporters = ['--reporter=verbose', '--reporter=./scripts/vitest-counts.mts'];
    const { ok } = await runCommand({
      argv: [bin('vitest'), 'run', '--project', 'cluster', ...reporters, ...args],
      env: { NODEPLANE_COUNTS: file, NO_COLOR: '1' },
      onOutput: show,
    });
    // No file: vitest has ended before the first test.
    const counts: Counts = JSON.parse(
      await readFile(file, 'utf8').catch(() => '{"passed":0,"failed":1,"skipped":[]}'),
    );
    return ok && counts.passed > 0 ? counts : { ...counts, failed: Math.max(counts.failed, 1) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function show(text: string): void {
  process.stdout.write(text);
}

function report({ passed, failed, skipped }: Counts): number {
  for (const each of skipped) console.log(`skipped: ${each}`);
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`);
  return failed > 0 ? 1 : 0;
}
