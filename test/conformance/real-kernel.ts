import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHostFacts } from '../../src/kernel/interfaces.ts';
import { createIptables } from '../../src/kernel/iptables.ts';
import { findPrograms, type IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import { createSysctls } from '../../src/kernel/sysctl.ts';
import { restoreLines } from '../../src/rules/iptables/plan/restore.ts';
import { isRoot } from '../netns/holder.ts';
import { observe, problemsOf, type Question } from '../netns/observe.ts';
import { createWorld, type World } from '../netns/world.ts';
import { layoutOf, planOf, routesOf } from './rules-of.ts';
import { type Case, type Played, played, podPorts } from './scenario.ts';
import { scenarios } from './scenarios.ts';

const tooLarge = 'without root, iptables-nft cannot send a transaction of more than about 200 kB';

/** Plays every scenario with real connections on a real kernel. */
export function playOnRealKernel(variant: IptablesVariant): void {
  const all = played(scenarios);
  inAWorld(
    'routed',
    variant,
    all.filter(({ scenario }) => scenario.bridge !== true),
  );
  inAWorld(
    'bridge',
    variant,
    all.filter(({ scenario }) => scenario.bridge === true),
  );
}

function inAWorld(links: 'routed' | 'bridge', variant: IptablesVariant, plays: readonly Played[]): void {
  describe(`iptables-${variant}, pods with ${links} links`, () => {
    let world: World | undefined;
    beforeAll(async () => {
      const made = await createWorld({ links });
      world = made;
      await Promise.all(made.pods.map((pod) => made.listen(pod, { ports: podPorts })));
      // As the agent does for NodePorts on 127.0.0.1.
      const argv = ['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1'] as const;
      await made.exec('node-a')({ argv, timeoutMilliseconds: 10_000 });
    });
    afterAll(() => world?.close());

    it.for(plays)('$at.family: $scenario.name', async (play, context) => {
      if (!isRoot && variant === 'nft' && play.scenario.large === true) context.skip(tooLarge);
      if (world === undefined) throw new Error('there is no world');
      const addresses = play.scenario.nodeAddresses?.(play.at) ?? [];
      for (const address of addresses) await world.addAddress('node-a', address);
      try {
        await program(world, variant, play);
        const questions = play.scenario.cases(play.at).flatMap(questionOf);
        expect(problemsOf(await observe(world, questions))).toEqual([]);
      } finally {
        await world.flush();
        for (const address of addresses) await world.removeAddress('node-a', address);
      }
    });
  });
}

/** Loads the scenario's rules into the empty kernel of node-a. */
async function program(world: World, variant: IptablesVariant, play: Played): Promise<void> {
  const exec = world.exec('node-a');
  const { programs } = await findPrograms(exec);
  const found = programs.find((each) => each.variant === variant);
  if (found === undefined) throw new Error(`iptables-${variant} is not installed`);
  const iptables = createIptables({ exec, programs: found, family: play.at.family });
  const host = await readHostFacts({ exec, sysctls: createSysctls() });
  const { steps } = planOf(layoutOf(routesOf(play, host)));
  await iptables.restore(restoreLines(steps, variant === 'nft' ? 'small' : 'one'));
}

function questionOf({
  from,
  sources,
  to,
  port,
  protocol = 'TCP',
  expect: expected,
  notReal,
}: Case): Question[] {
  if (notReal !== undefined || protocol === 'SCTP') return [];
  return [{ packet: { from, to, port, protocol, ...(sources === undefined ? {} : { sources }) }, expected }];
}
