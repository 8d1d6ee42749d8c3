import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Family, families } from '../../../src/model/address.ts';
import type { DialResult, TrafficProtocol } from '../../netns/actor.ts';
import { canMakeWorlds } from '../../netns/can-make-worlds.ts';
import { type NodeName, nodeNames } from '../nodes.ts';
import { clientAddressNumber, externalIP, loadBalancerIP, nodeAddresses, podAddresses } from './addresses.ts';
import { type ClusterNetwork, createClusterNetwork } from './network.ts';

const possible = await canMakeWorlds();
const protocols: readonly TrafficProtocol[] = ['TCP', 'UDP'];
const combinations = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));
const pods = nodeNames.flatMap((node) => [`default/web-${node}-a`, `default/web-${node}-b`]);
/** Of Services, and of a pod that is not there. */
const nobody: Readonly<Record<Family, readonly string[]>> = {
  IPv4: ['172.30.0.77', '172.31.0.7', '10.244.3.77'],
  IPv6: ['fd00:172:30::77', 'fd00:172:31::7', 'fd00:10:244:3::77'],
};
const others = ['client', 'cloud', 'control-plane', ...nodeNames];

if (possible.ok) describe('the network of a cluster', networks);
else it('the network of a cluster', (context) => context.skip(possible.reason));

function networks(): void {
  let network: ClusterNetwork;

  beforeAll(async () => {
    network = await createClusterNetwork(nodeNames);
    await Promise.all(pods.map((place, index) => network.addPod(podOf(place, index + 2))));
    await Promise.all([...pods, ...others].map((place) => network.listen(place, { ports: [80] })));
  });
  afterAll(() => network?.close());

  const run = async (place: string, ...argv: [string, ...string[]]) => {
    const done = await network.exec(place)({ argv, timeoutMilliseconds: 10_000 });
    expect(done, argv.join(' ')).toMatchObject({ exitCode: 0, stderr: '' });
    return done.stdout;
  };
  const nft = (place: string, rules: string) => run(place, 'nft', rules);

  /** What a node's agent would do, of one Service and without masquerading. */
  const forwardTo = (family: Family, from: string, to: string) => {
    const [ip, target] = family === 'IPv4' ? ['ip', `${to}:80`] : ['ip6', `[${to}]:80`];
    const chain = 'chain pre { type nat hook prerouting priority -100; }';
    return `table inet t { ${chain}; }; add rule inet t pre ${ip} daddr ${from} meta l4proto { tcp, udp } dnat ${ip} to ${target}`;
  };

  const oneDial = async (
    from: string,
    to: string,
    protocol: TrafficProtocol,
    port = 80,
    timeoutMilliseconds = 5000,
  ): Promise<DialResult | undefined> =>
    (await network.dial(from, { protocol, to, port, timeoutMilliseconds }))[0];

  /** For what gets no answer. */
  const noAnswer = async (from: string, to: string, protocol: TrafficProtocol) =>
    expect(await oneDial(from, to, protocol, 80, 300), `${from} to ${to}`).toMatchObject({
      outcome: 'timeout',
    });

  it.each(combinations)(
    '$family $protocol: everybody reaches everybody, as himself',
    async ({ family, protocol }) => {
      const pairs = [...pods, ...others].flatMap((from) => [...pods, ...others].map((to) => ({ from, to })));
      const seen = await Promise.all(
        pairs.map(async ({ from, to }) => ({
          from,
          to,
          result: await oneDial(from, network.address(to, family), protocol),
        })),
      );
      for (const { from, to, result } of seen) {
        const source = network.address(from, family);
        expect(result, `${from} to ${to}`).toMatchObject({ outcome: 'answered', server: to, source });
      }
    },
  );

  it.each(combinations)('$family $protocol: who does not listen refuses', async ({ family, protocol }) => {
    for (const [from, to] of [
      ['client', 'node-2'],
      ['client', pods[0]],
      [pods[1], pods[5]],
      ['node-1', pods[0]],
    ] as const) {
      const result = await oneDial(from ?? '', network.address(to ?? '', family), protocol, 81);
      expect(result, `${from} to ${to}`).toMatchObject({ outcome: 'refused' });
    }
  });

  it('gives what nobody owns no answer', async () => {
    const dials = combinations.flatMap(({ family, protocol }) =>
      nobody[family].flatMap((to) =>
        ['client', 'node-2', pods[0] ?? ''].map((from) => noAnswer(from, to, protocol)),
      ),
    );
    await Promise.all(dials);
  });

  it.each(families)('%s: the client dials from any address of its network', async (family) => {
    const sources = [clientAddressNumber(100, family), clientAddressNumber(101, family)];
    const to = network.address('node-3', family);
    const dials = await network.dial('client', { to, port: 80, sources, count: 2 });
    expect(dials.map((dial) => dial.outcome === 'answered' && dial.source)).toEqual(sources);
  });

  it('leads external IPs to the first node, which sees who asks', async () => {
    for (const { family, protocol } of combinations) {
      const [place = ''] = pods;
      const to = externalIP(3, family);
      await nft('node-1', forwardTo(family, to, network.address(place, family)));
      const source = network.address('client', family);
      expect(await oneDial('client', to, protocol)).toMatchObject({ server: place, source });
      await network.flush('node-1');
      await noAnswer('client', to, protocol);
    }
  });

  it('leads load-balancer addresses through the cloud, there and back', async () => {
    const place = pods[3] ?? '';
    await nft(
      'cloud',
      'table inet t { chain c { type filter hook forward priority 0; ct state invalid drop; }; }',
    );
    for (const { family, protocol } of combinations) {
      const to = loadBalancerIP(4, family);
      await run(
        'cloud',
        'ip',
        'route',
        'replace',
        to,
        'via',
        network.address('node-2', family),
        'dev',
        'eth0',
      );
      await nft('node-2', forwardTo(family, to, network.address(place, family)));
      const source = network.address('client', family);
      expect(await oneDial('client', to, protocol)).toMatchObject({ server: place, source });
      const tracked = await network.exec('cloud')({
        argv: ['conntrack', '-L', '-f', family.toLowerCase(), '-p', protocol.toLowerCase(), '-d', to],
        timeoutMilliseconds: 10_000,
      });
      expect(tracked.stdout).toContain(`dst=${to}`);
      expect(tracked.stdout).not.toContain('UNREPLIED');
    }
  });

  it('cuts a node off the control plane and of nothing else', async () => {
    const plane = network.address('control-plane', 'IPv4');
    await network.cutOff('node-2', true);
    await network.cutOff('node-3', true);
    await network.cutOff('node-3', false);
    await noAnswer('node-2', plane, 'TCP');
    await noAnswer('control-plane', network.address('node-2', 'IPv6'), 'UDP');
    expect(await oneDial('node-3', plane, 'TCP')).toMatchObject({ outcome: 'answered' });
    expect(await oneDial('node-2', network.address('node-1', 'IPv4'), 'TCP')).toMatchObject({
      outcome: 'answered',
    });
    await network.cutOff('node-2', false);
    expect(await oneDial('node-2', plane, 'TCP')).toMatchObject({ outcome: 'answered' });
  });

  it('starts and ends many pods, and has no links of those that have gone', async () => {
    const links = () => run('node-3', 'ip', '-oneline', 'link');
    const before = await links();
    const many = Array.from({ length: 30 }, (_, index) => `scaled/pod-${index}`);
    for (let times = 0; times < 2; times++) {
      await Promise.all(
        many.map((place, index) =>
          network.addPod({ place, node: 'node-3', addresses: podAddresses('node-3', index + 100) }),
        ),
      );
      const last = many.at(-1) ?? '';
      await network.listen(last, { ports: [80] });
      expect(await oneDial('client', network.address(last, 'IPv6'), 'UDP')).toMatchObject({ server: last });
      await Promise.all(many.map((place) => network.removePod(place)));
      expect(() => network.address(last, 'IPv6')).toThrow();
    }
    expect(await links()).toBe(before);
  });

  it('leaves no process behind when it is closed', async () => {
    const before = await children();
    const second = await createClusterNetwork(['node-1']);
    await second.addPod({ place: 'a/b', node: 'node-1', addresses: podAddresses('node-1', 9) });
    expect((await children()).length).toBeGreaterThan(before.length + 4);
    await second.close();
    expect(await children()).toEqual(before);
  });

  it('has pods in the namespace of their node, which stays when they go', async () => {
    await network.addPod({ place: 'kube-system/host', node: 'node-1', addresses: nodeAddresses('node-1') });
    await network.listen('kube-system/host', { ports: [8080] });
    const to = network.address('node-1', 'IPv4');
    expect(await oneDial('client', to, 'TCP', 8080)).toMatchObject({ server: 'kube-system/host' });
    await network.closeServers('kube-system/host', { ports: [8080] });
    await network.removePod('kube-system/host');
    expect(await oneDial('client', to, 'TCP')).toMatchObject({ server: 'node-1' });
  });
}

function podOf(place: string, number: number) {
  const node: NodeName = nodeNames.find((name) => place.includes(name)) ?? 'node-1';
  return { place, node, addresses: podAddresses(node, number) };
}

/** Processes that this one has started; all of a network are their descendants and end with them. */
async function children(): Promise<readonly string[]> {
  const threads = await readdir('/proc/self/task');
  const lists = threads.map((thread) => readFile(`/proc/self/task/${thread}/children`, 'utf8'));
  return (await Promise.all(lists))
    .join(' ')
    .split(' ')
    .filter((pid) => pid !== '')
    .sort();
}
