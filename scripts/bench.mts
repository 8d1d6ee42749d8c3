// The benchmark behind `npm run bench`: speed and memory beside a baseline taken in the same run. It asserts nothing but that
// everything ran. All it makes lies in namespaces and a directory that are gone at the end, also after Ctrl-C.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { withWorker } from '../test/bench/children.ts';
import { machine } from '../test/bench/machine.ts';
import { type BenchOptions, readOptions, type Section, usage } from '../test/bench/options.ts';
import {
  agentTables,
  conntrackTables,
  packetsTables,
  restoreTables,
  walkTables,
} from '../test/bench/report.ts';
import {
  agentSection,
  conntrackSection,
  packetsSection,
  restoreSection,
  type SectionContext,
  walkSection,
} from '../test/bench/sections.ts';
import { whyNoKernel } from './kernel-probe.mts';
import { root, runToEnd } from './step.mts';

await runToEnd(() => main(process.argv.slice(2)), 3);

async function main(args: readonly string[]): Promise<number> {
  const options = tryOptions(args);
  if (typeof options === 'number') return options;
  const sections = await possibleSections(options);
  if (typeof sections === 'number') return sections;
  console.log(`${machine.map(([name, value]) => `${name.padEnd(10)}${value}`).join('\n')}\n`);
  const results: Record<string, unknown> = { machine: Object.fromEntries(machine) };
  await withWorker(async (run) => {
    for (const section of sections) {
      const context = { run, options, progress: (text: string) => console.error(text) };
      const { figures, tables } = await runSection(section, context);
      console.log(tables);
      results[section] = figures;
    }
  });
  if (options.json !== undefined) {
    await writeFile(resolve(options.json), `${JSON.stringify(results, undefined, 2)}\n`);
  }
  return 0;
}

/** What is asked, or an exit code when there is nothing to do. */
function tryOptions(args: readonly string[]): BenchOptions | number {
  try {
    const options = readOptions(args);
    if (options !== 'help') return options;
    console.log(usage);
    return 0;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

/** Without a kernel to measure only the pure section is left; who asked for others by name is told so. */
async function possibleSections({ only }: BenchOptions): Promise<readonly Section[] | number> {
  const program = join(root, 'dist/nodeplane.mjs');
  if (only.includes('agent') && !existsSync(program)) {
    console.error(`${program} does not exist: npm run build makes it`);
    return 1;
  }
  const pure = only.filter((section) => section === 'walk');
  const reason = pure.length === only.length ? undefined : await whyNoKernel();
  if (reason === undefined) return only;
  console.error(`only the section walk can run here: ${reason}`);
  return pure.length > 0 ? pure : 1;
}

async function runSection(section: Section, context: SectionContext) {
  switch (section) {
    case 'walk': {
      const figures = await walkSection(context);
      return { figures, tables: walkTables(figures) };
    }
    case 'restore': {
      const figures = await restoreSection(context);
      return { figures, tables: restoreTables(figures) };
    }
    case 'packets': {
      const figures = await packetsSection(context);
      return { figures, tables: packetsTables(figures) };
    }
    case 'conntrack': {
      const figures = await conntrackSection(context);
      return { figures, tables: conntrackTables(figures) };
    }
    case 'agent': {
      const figures = await agentSection(context);
      return { figures, tables: agentTables(figures) };
    }
  }
}
