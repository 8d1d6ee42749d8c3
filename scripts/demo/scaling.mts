// The step that grows a Service under load.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamCounts } from '../../test/netns/actor.ts';
import type { Program } from '../../test/netns/program.ts';
import { planPod, type RunningTraffic } from '../../test/netns/world.ts';
import { bars, command, expectation, heading, note, output } from './screen.mts';
import { frontendWith } from './shop.mts';
import { liveDirectory, type Stage } from './stage.mts';

const everyMilliseconds = 4;
const added = [
  planPod('frontend-4', 'node-a', 20),
  planPod('frontend-5', 'node-a', 21),
  planPod('frontend-6', 'node-b', 20),
];

export async function scale(stage: Stage): Promise<void> {
  heading('The agent follows a directory: the frontend grows from 3 to 6 under load.');
  command('node-a', `cp -r examples ${liveDirectory}`);
  command('node-a', `nodeplane run --manifests ${liveDirectory} --node node-a &`);
  const agent = await stage.startAgent();
  await until('the agent has read the directory', () => agent.lines.length > 0, agent);
  const { loadBalancerIPs, port } = stage.service('frontend');
  const to = loadBalancerIPs[0] ?? '';
  command('client', `curl http://${to}   # 250 a second, and 4 that stay open`);
  const traffic = await stage.world.startTraffic('client', { to, port, everyMilliseconds, kept: 4 });
  await sleep(1500);
  const before = await traffic.count();
  bars(before.answered, () => 'before');

  command('node-a', `vi ${liveDirectory}/frontend.yaml   # 3 more endpoints`);
  await Promise.all(added.map((pod) => stage.world.addPod(pod)));
  const sockets = [{ port: 8080, protocol: 'TCP' as const }];
  await Promise.all(added.map((pod) => stage.open({ pod, sockets })));
  await stage.replaceManifest('frontend.yaml', await frontendWith(added));
  const began = performance.now();
  await until('each new pod is reached', () => reached(traffic, added.length + 3), agent);
  const milliseconds = Math.round(performance.now() - began);
  const between = await traffic.count();
  await sleep(1500);
  const after = await traffic.stop();
  bars(difference(after.answered, between.answered), () => 'after');
  note(`All new pods were serving ${milliseconds} ms after the file was written.`);
  judge(after);
  await endAgent(stage, agent);
}

function judge({ answered, failed, kept }: StreamCounts): void {
  const total = Object.values(answered).reduce((sum, each) => sum + each, 0);
  expectation(
    failed.length === 0,
    `${total} connections while it grew, not one failed`,
    `${failed.length} failed, the first: ${failed[0]?.outcome}`,
  );
  const broken = kept.filter(({ broken }) => broken !== '');
  const exchanges = kept.reduce((sum, each) => sum + each.exchanges, 0);
  expectation(
    broken.length === 0 && exchanges > 0,
    `the ${kept.length} open connections went on: ${exchanges} questions, as many answers`,
    `${broken.length} broke`,
  );
}

async function endAgent(stage: Stage, agent: Program): Promise<void> {
  command('node-a', 'kill %1');
  const { exitCode } = await agent.stop();
  const rules = await stage.rules();
  const isFine = exitCode === 0 && rules.some((rule) => rule.includes('10.244.1.31'));
  expectation(
    isFine,
    'the agent ended; its rules stay, and so does the shop',
    `the exit code was ${exitCode}`,
  );
}

async function reached(traffic: RunningTraffic, pods: number): Promise<boolean> {
  return Object.keys((await traffic.count()).answered).length >= pods;
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(after).map(([name, times]) => [name, times - (before[name] ?? 0)]),
  );
}

/** Polls for 15 seconds at most; what the agent said is shown when it was in vain. */
async function until(what: string, isSo: () => boolean | Promise<boolean>, agent: Program): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline && agent.running) {
    if (await isSo()) return;
    await sleep(20);
  }
  output(agent.lines.slice(-10).join('\n'));
  expectation(false, what, agent.running ? 'not within 15 s' : 'the agent has ended');
}
