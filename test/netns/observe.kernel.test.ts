import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { families } from '../../src/model/address.ts';
import { clientAddressNumber, clusterIP } from './addresses.ts';
import { canMakeWorlds } from './can-make-worlds.ts';
import { type Expectation, observe, type Packet, problemsOf } from './observe.ts';
import { createWorld, type World } from './world.ts';

const possible = await canMakeWorlds();

if (possible.ok) describe.each(families)('observing %s', observing);
else it('observing', (context) => context.skip(possible.reason));

function observing(family: (typeof families)[number]): void {
  let world: World;
  const to = clusterIP(1, family);
  const packet: Packet = { from: 'client', to, port: 80 };

  beforeAll(async () => {
    world = await createWorld({ localPods: ['p1', 'p2'], remotePods: ['r1'] });
    await Promise.all(world.pods.map((pod) => world.listen(pod, { ports: [8080] })));
  });
  beforeEach(() => world.flush());
  afterAll(() => world?.close());

  it('tells right from wrong endpoints, and missing ones', async () => {
    await load(nat(`-m statistic --mode random --probability 0.5 -j ${dnat('p1')}`, `-j ${dnat('r1')}`));
    const [right, ...wrong] = await ask(
      { ...packet },
      forward(['p1', 'r1']),
      forward(['p1', 'p2', 'r1']),
      forward(['p1']),
      { verdict: 'reject' },
      { verdict: 'drop' },
      { verdict: 'none' },
    );
    expect(right).toBeUndefined();
    for (const problem of wrong)
      expect(problem).toMatch(/^client to .*80\/tcp: expected .* got .*:8080 ×\d+/);
  });

  it('tells whether the source is masqueraded, of a hairpin too', async () => {
    await load(nat(`-j ${dnat('p1')}`));
    expect(await ask(packet, forward(['p1']), forward(['p1'], true))).toEqual([
      undefined,
      expect.stringContaining('expected an address of node-a'),
    ]);
    await load(nat(`-j ${dnat('p1')}`), '-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE');
    expect(await ask(packet, forward(['p1']), forward(['p1'], true))).toEqual([
      expect.stringContaining('expected the same'),
      undefined,
    ]);
    expect(await ask({ ...packet, from: 'p1' }, forward(['p1'], false))).toEqual([undefined]);
  });

  it.each(['TCP', 'UDP'] as const)(
    '%s: tells reject, drop and none apart, from everywhere',
    async (protocol) => {
      const filter = (port: number, target: string) =>
        ['FORWARD', 'OUTPUT'].map(
          (chain) => `-A ${chain} -p ${protocol} -d ${to} --dport ${port} -j ${target}`,
        );
      await loadFilter(filter(81, 'REJECT'), filter(82, 'DROP'));
      const verdicts = ['reject', 'drop', 'none'] as const;
      const questions = ['client', 'p1', 'node-a'].flatMap((from) =>
        verdicts.flatMap((truth, index) =>
          verdicts.map((verdict) => ({
            truth,
            packet: { from, to, protocol, port: 81 + index },
            expected: { verdict },
          })),
        ),
      );
      const observations = await observe(world, questions, 2000);
      for (const [index, { truth, packet, expected }] of questions.entries()) {
        const fine = observations[index]?.problem === undefined;
        expect(fine, `${truth} taken for ${expected.verdict} from ${packet.from}`).toBe(
          truth === expected.verdict,
        );
      }
    },
  );

  it('tells whether sources stay with their endpoint', async () => {
    const sources = Array.from({ length: 40 }, (_, index) => clientAddressNumber(index + 100, family));
    const sticky: Expectation = { ...forward(['p1', 'p2']), sticky: true };
    const half = '-m statistic --mode nth --every 2 --packet 0';
    await load(nat(`${half} -j ${dnat('p1')}`, `-j ${dnat('p2')}`));
    // As many sources as makes every source come to the other endpoint the second time.
    const [roaming] = await ask({ ...packet, sources: sources.slice(0, 39) }, sticky);
    expect(roaming).toMatch(/came to .*, then to/);
    const odd = sources.filter((_, index) => index % 2 === 0);
    await load(...odd.map((source) => nat(`-s ${source} -j ${dnat('p1')}`)), nat(`-j ${dnat('p2')}`));
    expect(await ask({ ...packet, sources }, sticky)).toEqual([undefined]);
  });

  async function ask(asked: Packet, ...expectations: Expectation[]): Promise<(string | undefined)[]> {
    const observations = await observe(
      world,
      expectations.map((expected) => ({ packet: asked, expected })),
    );
    expect(problemsOf(observations)).toHaveLength(observations.filter(({ problem }) => problem).length);
    return observations.map(({ problem }) => problem);
  }

  function forward(
    pods: readonly string[],
    masquerade = false,
  ): Extract<Expectation, { verdict: 'forward' }> {
    const endpoints = pods.map((pod) => ({ address: world.address(pod, family), port: 8080 }));
    return { verdict: 'forward', endpoints, masquerade };
  }

  function dnat(pod: string): string {
    const address = world.address(pod, family);
    return `DNAT --to-destination ${family === 'IPv6' ? `[${address}]` : address}:8080`;
  }

  function nat(...rules: string[]): string {
    return rules.map((rule) => `-A PREROUTING -p tcp -d ${to} --dport 80 ${rule}`).join('\n');
  }

  function load(...rules: string[]): Promise<void> {
    return restore(`*nat\n${rules.join('\n')}\nCOMMIT\n`);
  }

  function loadFilter(...rules: string[][]): Promise<void> {
    return restore(`*filter\n${rules.flat().join('\n')}\nCOMMIT\n`);
  }

  async function restore(text: string): Promise<void> {
    const program = family === 'IPv4' ? 'iptables-nft-restore' : 'ip6tables-nft-restore';
    const { stderr } = await world.exec('node-a')({
      argv: [program],
      stdin: [text],
      timeoutMilliseconds: 10_000,
    });
    expect(stderr).toBe('');
  }
}
