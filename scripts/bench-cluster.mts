// The benchmark behind `npm run bench:cluster`: the real kube-proxy and nodeplane, one after the other, behind the same real API server. It
// asserts nothing but that everything ran. All it makes lies in namespaces that are gone at the end, also after Ctrl-C.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { measureProxy, type ProxyFigures } from '../test/bench/cluster/measure.ts';
import { clusterServices, writeServices } from '../test/bench/cluster/objects.ts';
import {
  type ClusterBenchOptions,
  type ProxyName,
  readOptions,
  usage,
} from '../test/bench/cluster/options.ts';
import { type ModeFigures, modeTable } from '../test/bench/cluster/report.ts';
import { openRig, type Rig } from '../test/bench/cluster/rig.ts';
import { machine } from '../test/bench/machine.ts';
import { binary } from '../test/cluster/binaries.ts';
import { whyNoKernel } from './kernel-probe.mts';
import { root, runToEnd } from './step.mts';

await runToEnd(() => main(process.argv.slice(2)), 3);
// Connections to what is gone would keep it.
process.exit();

async function main(args: readonly string[]): Promise<number> {
  const options = tryOptions(args);
  if (typeof options === 'number') return options;
  const program = join(root, 'dist/nodeplane.mjs');
  const reason = existsSync(program)
    ? await whyNoKernel()
    : `${program} does not exist: npm run build makes it`;
  if (reason !== undefined) {
    console.error(reason);
    return 1;
  }
  const began = performance.now();
  for (const name of ['etcd', 'kube-apiserver', 'kube-proxy'] as const) await binary(name);
  console.log(`${machine.map(([name, value]) => `${name.padEnd(10)}${value}`).join('\n')}\n`);
  const results = await measureAll(options, program);
  const minutes = (performance.now() - began) / 60_000;
  console.log(`everything took ${minutes.toFixed(1)} minutes`);
  if (options.json !== undefined) {
    const all = { machine: Object.fromEntries(machine), minutes, results };
    await writeFile(resolve(options.json), `${JSON.stringify(all, undefined, 2)}\n`);
  }
  return 0;
}

/** What is asked, or an exit code when there is nothing to do. */
function tryOptions(args: readonly string[]): ClusterBenchOptions | number {
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

async function measureAll(options: ClusterBenchOptions, program: string): Promise<readonly ModeFigures[]> {
  await using rig = await openRig(program);
  const results: ModeFigures[] = [];
  let written = 0;
  for (const size of options.sizes) {
    const services = clusterServices(size);
    const progress = (count: number): void => console.error(`${count} Services with EndpointSlices written`);
    await writeServices(rig.api, services, written, progress);
    written = size;
    for (const variant of options.variants) {
      const figures: Partial<Record<ProxyName, ProxyFigures>> = {};
      for (const name of options.proxies)
        figures[name] = await measureOne(rig, { name, variant, services, options });
      results.push({ variant, services: size, figures });
      console.log(modeTable({ variant, services: size, figures }, options.giveUpSeconds));
    }
  }
  return results;
}

async function measureOne(
  rig: Rig,
  of: Pick<Parameters<typeof measureProxy>[0], 'services' | 'options'> & {
    readonly name: ProxyName;
    readonly variant: ModeFigures['variant'];
  },
): Promise<ProxyFigures> {
  const { name, variant, services, options } = of;
  const node = await rig.node(variant);
  const about = `${name}, iptables-${variant}, ${services.length}`;
  const progress = (text: string): void => console.error(`  ${about}: ${text}`);
  return measureProxy({ api: rig.api, node, proxy: node.proxies[name], services, options, progress });
}
