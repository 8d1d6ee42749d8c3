import { afterEach, describe, expect, it } from 'vitest';
import { FakeNode, type FakeNodeOptions } from '../../test/agent/fake-node.ts';
import { nodeA, pod, web, webs } from '../../test/agent/services.ts';

const nodes: FakeNode[] = [];

function running(options?: FakeNodeOptions): FakeNode {
  const node = new FakeNode(options).start();
  nodes.push(node);
  return node;
}

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

const destination = (number: number) => `--to-destination ${pod(number)}:8080`;
const refusing =
  (...numbers: readonly number[]) =>
  (line: string) =>
    numbers.some((number) => line.endsWith(destination(number)));
const keys = (...numbers: readonly number[]) => numbers.map((number) => `default/s${number}/tcp`).sort();

describe.each(['legacy', 'nft'] as const)('on iptables-%s', (variant) => {
  it('one culprit among a thousand is found with some restores, and the others are in force', async () => {
    const node = running({ variant });
    node.programs.refuses = refusing(617);
    node.source.tell([nodeA, ...webs(1000)]);
    await node.synced(1);
    expect(node.reports[0]).toMatchObject({ error: undefined, quarantined: keys(617), servicePorts: 999 });
    // Legacy names nobody: the whole, the node alone, and two for each halving.
    expect(node.programs.restores.IPv4.length).toBeLessThanOrEqual(variant === 'nft' ? 3 : 2 + 2 * 10 + 1);
    for (const number of [0, 616, 618, 999]) expect(node.rules()).toContain(destination(number));
  });

  it('several culprits are found in one pass', async () => {
    const node = running({ variant });
    node.programs.refuses = refusing(3, 4, 77, 199);
    node.source.tell([nodeA, ...webs(200)]);
    await node.synced(1);
    expect(node.reports[0]).toMatchObject({ error: undefined, quarantined: keys(3, 4, 77, 199) });
    expect(node.findings.map(({ object }) => object)).toEqual(
      ['s199', 's3', 's4', 's77'].map((name) => `Service default/${name}`),
    );
  });

  it('many culprits take several passes, each of which gets further, and none keeps the others out', async () => {
    const node = running({ variant });
    const bad = Array.from({ length: 60 }, (_, at) => at * 5);
    node.programs.refuses = refusing(...bad);
    node.source.tell([nodeA, ...webs(300)]);
    await node.synced(1);
    for (let second = 0; second < 60 && node.reports.at(-1)?.error !== undefined; second++)
      await node.pass(1000);
    expect(node.reports.at(-1)).toMatchObject({
      error: undefined,
      quarantined: keys(...bad),
      servicePorts: 240,
    });
    expect(node.rules()).toContain(destination(299));
  });

  it('other changes are programmed with the first refusal that they come with, and without it afterwards', async () => {
    const node = running({ variant });
    node.source.tell([nodeA, ...webs(40)]);
    await node.synced(1);
    node.programs.refuses = refusing(500);
    const bad = web(7, { endpoints: [pod(500)] });
    node.source.tell([nodeA, ...webs(40).filter(of(7)), ...bad, ...web(41)]);
    await node.pass(100);
    await node.synced(2);
    expect(node.rules()).toContain(destination(41));
    expect(node.rules()).toContain(destination(7));
    expect(node.reports.at(-1)).toMatchObject({ full: true, partialFailed: true, error: undefined });
    const restores = node.programs.restores.IPv4.length;
    node.source.tell([nodeA, ...webs(40).filter(of(7)), ...bad, ...web(41), ...web(42)]);
    await node.pass(1000);
    await node.synced(3);
    expect(node.programs.restores.IPv4.length).toBe(restores + 1);
    expect(node.rules()).toContain(destination(42));
  });

  it('a culprit is tried again as soon as its Service is another one', async () => {
    const node = running({ variant });
    node.programs.refuses = refusing(3);
    node.source.tell([nodeA, ...webs(10)]);
    await node.synced(1);
    node.source.tell([nodeA, ...webs(10).filter(of(3)), ...web(3, { endpoints: [pod(90)] })]);
    await node.pass(1000);
    await node.synced(2);
    expect(node.reports.at(-1)).toMatchObject({ error: undefined, quarantined: [], servicePorts: 10 });
    expect(node.rules()).toContain(destination(90));
    expect(node.findings).toEqual([]);
  });

  it('a culprit is tried again by itself, ever more rarely, until the kernel takes it', async () => {
    const node = running({ variant });
    node.programs.refuses = refusing(3);
    node.source.tell([nodeA, ...webs(10)]);
    await node.synced(1);
    const times: number[] = [];
    for (let step = 0; step < 90; step++) {
      const before = node.programs.restores.IPv4.length;
      await node.pass(10_000);
      if (node.programs.restores.IPv4.length > before) times.push(node.clock.now() / 1000);
    }
    expect(times.length).toBeGreaterThanOrEqual(4);
    expect(times.length).toBeLessThanOrEqual(6);
    expect(times[0]).toBeLessThanOrEqual(40);
    expect(node.cleaned.map(({ released }) => released)).not.toContain(true);
    node.programs.refuses = () => false;
    await node.pass(310_000);
    expect(node.reports.at(-1)).toMatchObject({ quarantined: [], servicePorts: 10 });
    expect(node.rules()).toContain(destination(3));
    // Flows that began by the old rules are looked for although the snapshot is the same.
    expect(node.cleaned.filter(({ released }) => released)).toHaveLength(1);
  });

  it('one that is due does not hurry a node whose programs are away', async () => {
    const node = running({ variant });
    node.programs.refuses = refusing(3);
    node.source.tell([nodeA, ...webs(10)]);
    await node.synced(1);
    node.programs.fault = () => 'absent';
    for (let minute = 0; minute < 10; minute++) await node.pass(60_000);
    expect(node.reports.at(-1)?.error).toMatchObject({ code: 'NP-KERNEL-001' });
    expect(node.reports.length).toBeLessThan(40);
    node.programs.fault = () => undefined;
    node.programs.refuses = () => false;
    await node.pass(60_000);
    expect(node.reports.at(-1)).toMatchObject({ error: undefined, quarantined: [] });
  });

  it('a culprit that goes away leaves nothing behind', async () => {
    const node = running({ variant });
    node.source.tell([nodeA, ...webs(4)]);
    await node.synced(1);
    node.programs.refuses = refusing(500);
    node.source.tell([nodeA, ...webs(4).filter(of(2)), ...web(2, { endpoints: [pod(500)] })]);
    await node.pass(100);
    await node.synced(2);
    expect(node.rules()).toContain(destination(2));
    node.source.tell([nodeA, ...webs(4).filter(of(2))]);
    await node.pass(2000);
    expect(node.rules()).not.toContain('default/s2');
    expect(node.findings).toEqual([]);
  });

  it('after a restart what worked goes on working in place of what is refused', async () => {
    const first = running({ variant });
    first.source.tell([nodeA, ...webs(30)]);
    await first.synced(1);
    const second = running({ variant });
    second.programs.fakes.IPv4.restore(first.rules(), { noflush: true });
    second.programs.refuses = refusing(500);
    const seen: boolean[] = [];
    second.programs.restored = () => {
      const rules = second.rules();
      seen.push([4, 5, 6].every((number) => rules.includes(destination(number))));
    };
    second.source.tell([nodeA, ...webs(30).filter(of(5)), ...web(5, { endpoints: [pod(500)] })]);
    await second.synced(1);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).not.toContain(false);
    expect(second.reports[0]).toMatchObject({ error: undefined, quarantined: keys(5), servicePorts: 30 });
  });

  it('nobody else is blamed when what stood in place of the refused is refused as well', async () => {
    const node = running({ variant });
    node.source.tell([nodeA, ...webs(40)]);
    await node.synced(1);
    const flush = node
      .rules()
      .split('\n')
      .flatMap((line) => (/^(?:\*|COMMIT)/.test(line) ? [line] : line.startsWith(':KUBE') ? [line] : []));
    node.programs.fakes.IPv4.restore(`${flush.join('\n')}\n`, { noflush: true });
    node.programs.refuses = refusing(3, 500);
    const others = Array.from({ length: 9 }, (_, number) => web(100 + number)).flat();
    const bad = web(3, { endpoints: [pod(500)] });
    node.source.tell([nodeA, ...webs(40).filter(of(3)), ...bad, ...others]);
    await node.pass(2000);
    expect(node.reports.slice(1).map(({ quarantined }) => quarantined)).toEqual([keys(3)]);
    expect(node.reports.at(-1)).toMatchObject({ error: undefined, servicePorts: 48 });
    expect(node.rules()).toContain(destination(108));
  });

  it('what serves the whole node is nobody to leave out: it is an error, and nothing is blamed', async () => {
    const node = running({ variant });
    node.programs.refuses = (line) => line.startsWith('-A KUBE-POSTROUTING');
    node.source.tell([nodeA, ...webs(5)]);
    await node.synced(1);
    expect(node.reports[0]?.error).toMatchObject({ code: 'NP-KERNEL-004' });
    expect(node.reports[0]?.quarantined).toEqual([]);
    expect(node.programs.restores.IPv4.length).toBeLessThan(5);
    node.programs.refuses = () => false;
    await node.pass(2000);
    expect(node.reports.at(-1)?.error).toBeUndefined();
  });

  it('nobody is blamed for rules that somebody else has flushed', async () => {
    const node = running({ variant });
    node.source.tell([nodeA, ...webs(5)]);
    await node.synced(1);
    const chain = /^:(KUBE-SEP-\w+)/m.exec(node.rules())?.[1] ?? '';
    const fresh = node.programs.fakes.IPv4;
    const lines = fresh
      .save('nat')
      .split('\n')
      .filter((line) => line.includes(` -j ${chain}`));
    const cut = lines.map((line) => line.replace(/^-A/, '-D'));
    const edit = ['*nat', ...cut, `-F ${chain}`, `-X ${chain}`, 'COMMIT', ''].join('\n');
    expect(fresh.restore(edit, { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
    node.source.tell([nodeA, ...webs(5, { spec: { sessionAffinity: 'ClientIP' } })]);
    await node.pass(2000);
    expect(node.reports.at(-1)).toMatchObject({ error: undefined, quarantined: [], servicePorts: 5 });
  });
});

it('a sync that ends after the agent was told to leaves no timer for another try', async () => {
  const node = running();
  node.programs.refuses = refusing(1);
  node.source.tell([nodeA, ...webs(3)]);
  await node.synced(1);
  await node.pass(2000);
  node.programs.fault = (program) => (program === 'restore' ? 'hangs' : undefined);
  node.source.tell([nodeA, ...webs(4)]);
  await node.pass(100);
  const stopped = node.stop();
  node.programs.release();
  await stopped;
  expect(node.reports.at(-1)).toMatchObject({ error: undefined, quarantined: keys(1), servicePorts: 3 });
  expect(node.clock.waiting).toBe(0);
});

function of(number: number) {
  return ({ metadata }: Readonly<Record<string, unknown>>): boolean =>
    !JSON.stringify(metadata).includes(`"s${number}"`) && !JSON.stringify(metadata).includes(`"s${number}-`);
}
