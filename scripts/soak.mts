// The runner behind `npm run soak`: the bundle in both variants of iptables, side by side, under constant change with faults now and then.
//   npm run soak -- [--minutes 2] [--services 500] [--variant legacy|nft] [--seed N]
import { parseArgs } from 'node:util';
import { type Sample, type Trend, trendOf } from '../test/soak/samples.ts';
import { type Soaked, soak } from '../test/soak/soak.ts';
import { whyNoKernel } from './kernel-probe.mts';
import { bin, runCommand, runToEnd } from './step.mts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly figures: string;
}

/**
 * What may be more in the end than in the beginning. The heap is compared after full collections, so it may hardly differ; resident memory breathes
 * with what V8 has not collected yet (20 to 40 MB here), so it is the samples and their slope that are compared.
 */
const tolerance = { liveHeapMb: 3, residentMb: 25, fds: 4, children: 2 } as const;

const isCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');

await runToEnd(main, 5);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '2' },
      services: { type: 'string', default: '500' },
      variant: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  const reason = await whyNoKernel();
  if (reason !== undefined) {
    console.log(`skipped: all of it (${reason})`);
    return report([], isCi ? 1 : 0);
  }
  const build = await runCommand({ argv: [bin('tsx'), 'scripts/build.mts'] });
  if (!build.ok) {
    console.log(build.output);
    return report([], 1);
  }
  const options = {
    minutes: Number(values.minutes),
    services: Number(values.services),
    seed: Number(values.seed),
  };
  console.log(`soaking for ${options.minutes} min with ${options.services} Services, seed ${options.seed}`);
  const variants = (['legacy', 'nft'] as const).filter((each) => (values.variant ?? each) === each);
  const all = await Promise.all(
    variants.map(async (variant) => checksOf(variant, await soak({ ...options, variant }))),
  );
  return report(all.flat(), 0);
}

function checksOf(variant: string, soaked: Soaked): readonly Check[] {
  const { samples, traffic, changes, apiCuts, drifts, repaired, syncs, relists, cpuSeconds, converged } =
    soaked;
  const { failed, broken, answered, exchanges } = traffic;
  for (const each of thinned(samples, 12)) console.log(`${variant}: ${row(each)}`);
  const told = [...failed, ...broken].slice(0, 5).join(' ');
  const checks: readonly Check[] = [
    {
      name: 'no connection failed',
      ok: failed.length === 0 && broken.length === 0 && answered > 0,
      figures: `${answered} answered, ${exchanges} exchanges over connections that stayed, ${failed.length} failed, ${broken.length} broken ${told}`,
    },
    {
      name: 'what others changed was found',
      ok: drifts === 0 || repaired > 0,
      figures: `${changes} changes, ${apiCuts} API cuts, ${drifts} drifts; ${repaired} found, ${syncs} syncs, ${relists} lists, ${cpuSeconds.toFixed(1)} s of CPU`,
    },
    {
      name: 'the kernel holds all in the end',
      ok: converged !== undefined,
      figures: converged === undefined ? 'never' : `after ${Math.round(converged)} ms`,
    },
    heapStays(soaked.liveHeap),
    ...(['residentMb', 'fds', 'children'] as const).map((figure) =>
      stays(
        figure,
        trendOf(samples, (each: Sample) => each[figure]),
      ),
    ),
  ];
  for (const { name, ok, figures } of checks)
    console.log(`${variant}: ${ok ? 'ok' : 'FAILED'}: ${name}: ${figures}`);
  if (checks.some(({ ok }) => !ok)) console.log(soaked.log.join('\n'));
  return checks;
}

function thinned(samples: readonly Sample[], most: number): readonly Sample[] {
  const every = Math.ceil(samples.length / most);
  return samples.filter((_, index) => index % every === 0);
}

function row({ minutes, residentMb, heapMb, fds, children }: Sample): string {
  return `${minutes.toFixed(1)} min: ${residentMb.toFixed(0)} MB resident, ${heapMb.toFixed(0)} MB heap, ${fds} fds, ${children} children`;
}

function heapStays([before, after]: Soaked['liveHeap']): Check {
  const most = tolerance.liveHeapMb;
  const figures = `${before.toFixed(2)} → ${after.toFixed(2)} MB after full collections (tolerance ${most})`;
  return { name: 'the heap ends where it began', ok: after - before <= most, figures };
}

function stays(
  figure: Exclude<keyof typeof tolerance, 'liveHeapMb'>,
  { first, last, slope, rise }: Trend,
): Check {
  const most = tolerance[figure];
  const figures = `${first.toFixed(1)} → ${last.toFixed(1)}, ${slope.toFixed(2)} a minute (tolerance ${most})`;
  return { name: `${figure} ends where it began`, ok: last - first <= most && rise <= most, figures };
}

function report(checks: readonly Check[], more: number): number {
  const failed = checks.filter(({ ok }) => !ok).length + more;
  console.log(`${checks.length + more - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}
