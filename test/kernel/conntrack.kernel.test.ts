import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFlowCleaner, type FlowCleaner } from '../../src/agent/flows.ts';
import type { Family } from '../../src/model/address.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Happening } from '../../src/observe/happening.ts';
import { silentLog } from '../../src/observe/log.ts';
import { service, slice } from '../conformance/objects.ts';
import { snapshotOf } from '../conformance/rules-of.ts';
import { type Namespace, openNamespace } from './namespace.ts';

/** A node with two pods and a remote host, in one family. */
interface Place {
  readonly family: Family;
  readonly vip: string;
  readonly external: string;
  readonly node: string;
  readonly pods: readonly [string, string];
  readonly remote: string;
  readonly iptables: string;
  /** Of addresses, and of everything that the node has no route to. */
  readonly prefix: number;
  readonly bracket: (address: string) => string;
}

const four: Place = {
  family: 'IPv4',
  vip: '10.0.0.1',
  external: '198.51.100.1',
  node: '192.0.2.1',
  pods: ['10.1.0.1', '10.1.0.2'],
  remote: '203.0.113.7',
  iptables: 'xtables-legacy-multi iptables',
  prefix: 32,
  bracket: (address) => address,
};

const six: Place = {
  family: 'IPv6',
  vip: 'fd00:0:0:1::1',
  external: 'fd00:198::1',
  node: 'fd00:192::1',
  pods: ['fd00:10::1', 'fd00:10::2'],
  remote: 'fd00:203::7',
  iptables: 'xtables-legacy-multi ip6tables',
  prefix: 128,
  bracket: (address) => `[${address}]`,
};

const nodePort = 30_053;
let namespace: Namespace;
let happenings: Happening[] = [];
let warnings: unknown[] = [];
let flows: FlowCleaner;

beforeEach(async () => {
  namespace = await openNamespace();
  happenings = [];
  warnings = [];
  flows = createFlowCleaner({
    exec: namespace.exec,
    observe: (happening) => happenings.push(happening),
    log: { ...silentLog, warn: (fields) => warnings.push(fields) },
  });
});

afterEach(async () => {
  await flows.stop();
  await namespace.close();
});

/** Both pods listen nowhere: a packet that gets no answer makes an entry as well. Pods are addresses of lo. */
async function prepare({ node, pods, prefix, remote }: Place): Promise<void> {
  const flag = prefix === 32 ? '' : 'nodad';
  await namespace.script(`
    ip link set lo up
    ip link add eth0 type veth peer name eth1
    ip link set eth0 addrgenmode none && ip link set eth1 addrgenmode none
    ip link set eth0 up && ip link set eth1 up
    ip address add ${node}/${prefix} dev eth0 ${flag}
    ${pods.map((pod) => `ip address add ${pod}/${prefix} dev lo ${flag}`).join('\n')}
    ip ${prefix === 32 ? '-4' : '-6'} route add default dev eth0 src ${node}
    ip ${prefix === 32 ? '-4' : '-6'} neighbour add ${remote} lladdr 02:00:00:00:00:01 dev eth0`);
}

/** Real packets through real rules: flows of every kind of front to each pod, one after the other. */
async function send({ iptables, vip, external, node, pods, remote, bracket }: Place): Promise<void> {
  const fronts = [
    [vip, 53],
    [external, 53],
    [node, nodePort],
  ] as const;
  for (const pod of pods) {
    const rules = fronts.map(
      ([address, port]) =>
        `${iptables} -t nat -A OUTPUT -p udp -d ${address} --dport ${port} -j DNAT --to ${bracket(pod)}:5353`,
    );
    const packets = fronts.map(([address, port]) => `echo x > /dev/udp/${address}/${port}`);
    await namespace.script(`
      ${iptables} -t nat -F OUTPUT
      ${rules.join('\n')}
      bash -c "${packets.join('; ')}"`);
  }
  // A host elsewhere that happens to listen on the number of the NodePort, and a pod that is called by its own address.
  await namespace.script(
    `bash -c "echo x > /dev/udp/${remote}/${nodePort}; echo x > /dev/udp/${pods[1]}/5353"`,
  );
}

interface Wanted {
  readonly pods?: readonly string[];
  readonly external?: boolean;
  readonly nodePort?: boolean;
}

function snapshot({ vip, external, family }: Place, { pods = [], ...wanted }: Wanted): Snapshot {
  const port = { name: 'dns', protocol: 'UDP', port: 53 } as const;
  return snapshotOf([
    service({
      name: 'dns',
      type: 'NodePort',
      clusterIPs: [vip],
      ports: [wanted.nodePort === false ? port : { ...port, nodePort }],
      spec: { externalIPs: wanted.external === false ? [] : [external] },
    }),
    slice({
      of: 'dns',
      family,
      ports: [{ ...port, port: 5353 }],
      endpoints: pods.map((address) => ({ address })),
    }),
  ]);
}

/** UDP entries as `destination port → answering address`, sorted. */
async function entries({ family }: Place): Promise<readonly string[]> {
  const list = await namespace.script(`conntrack -L -p udp -f ${family.toLowerCase()} 2>/dev/null`);
  const found = list.matchAll(/^udp .*? dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+)/gm);
  return Array.from(found, ([, to, port, from]) => `${to} ${port} → ${from}`).sort();
}

function all({ vip, external, node, pods, remote }: Place): readonly string[] {
  const served = pods.flatMap((pod) => [
    `${vip} 53 → ${pod}`,
    `${external} 53 → ${pod}`,
    `${node} ${nodePort} → ${pod}`,
  ]);
  return [...served, `${remote} ${nodePort} → ${remote}`, `${pods[1]} 5353 → ${pods[1]}`].sort();
}

async function cleaned(): Promise<void> {
  const before = happenings.length;
  await expect.poll(() => happenings.length, { timeout: 30_000 }).toBeGreaterThan(before);
}

test.each([four, six])(
  'removes what goes to an endpoint that is gone, and nothing else ($family)',
  async (place) => {
    await prepare(place);
    await send(place);
    expect(await entries(place)).toEqual(all(place));
    const [stays, goes] = place.pods;
    const first = snapshot(place, { pods: [stays, goes] });
    flows.programmed(place.family, first);
    await cleaned();
    expect(await entries(place), 'both serve').toEqual(all(place));
    flows.programmed(place.family, snapshot(place, { pods: [stays] }));
    await cleaned();
    const direct = `${goes} 5353 → ${goes}`;
    expect(await entries(place)).toEqual(
      all(place).filter((entry) => entry === direct || !entry.endsWith(goes)),
    );
    expect(happenings.at(-1)).toMatchObject({ kind: 'flows-removed', family: place.family, entries: 3 });
    expect(warnings).toEqual([]);
  },
);

test.each([four, six])('removes all flows of a Service without endpoints ($family)', async (place) => {
  await prepare(place);
  await send(place);
  flows.programmed(place.family, snapshot(place, { pods: [] }));
  await cleaned();
  const { remote, pods } = place;
  expect(await entries(place)).toEqual(
    [`${remote} ${nodePort} → ${remote}`, `${pods[1]} 5353 → ${pods[1]}`].sort(),
  );
});

test('removes the flows of a Service that was deleted, and of addresses and ports that one gave up', async () => {
  await prepare(four);
  await send(four);
  flows.programmed('IPv4', snapshot(four, { pods: four.pods }));
  await cleaned();
  flows.programmed('IPv4', snapshot(four, { pods: four.pods, external: false, nodePort: false }));
  await cleaned();
  const kept = all(four).filter((entry) => !/^(198\.51\.100\.1|192\.0\.2\.1) /.test(entry));
  expect(await entries(four)).toEqual(kept);
  flows.programmed('IPv4', snapshotOf([]));
  await cleaned();
  expect(await entries(four)).toEqual(kept.filter((entry) => !entry.startsWith(four.vip)));
});

test('an entry that was made before there was a rule goes as well', async () => {
  await prepare(four);
  await namespace.script(`
    # Without any such rule there is no connection tracking.
    ${four.iptables} -t nat -A OUTPUT -p udp -d 10.9.9.9 -j DNAT --to 10.1.0.1
    bash -c "echo x > /dev/udp/${four.vip}/53"`);
  expect(await entries(four)).toEqual([`${four.vip} 53 → ${four.vip}`]);
  flows.programmed('IPv4', snapshot(four, { pods: four.pods }));
  await cleaned();
  expect(await entries(four)).toEqual([]);
});

test('other protocols and other Services are not touched', async () => {
  const common = '-s 10.1.0.9 --sport 4000 -q 10.1.0.9 --reply-port-dst 4000 --reply-port-src 5353 -t 600';
  await namespace.script(`
    conntrack -I -p tcp -d 10.0.0.1 --dport 53 -r 10.1.0.2 --state ESTABLISHED ${common}
    conntrack -I -p sctp -d 10.0.0.1 --dport 53 -r 10.1.0.3 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 ${common}
    conntrack -I -p udp -d 10.0.0.2 --dport 53 -r 10.1.0.4 ${common}
    conntrack -I -p udp -d 10.0.0.1 --dport 54 -r 10.1.0.5 ${common}
    conntrack -I -p udp -d 10.0.0.1 --dport 53 -r 10.1.0.6 ${common}`);
  flows.programmed('IPv4', snapshot(four, { pods: ['10.1.0.1'] }));
  await cleaned();
  const left = await namespace.script('conntrack -L 2>/dev/null');
  const answering = Array.from(left.matchAll(/ src=(10\.1\.0\.[2-8])/g), ([, address = '']) => address);
  expect(answering.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    '10.1.0.2',
    '10.1.0.3',
    '10.1.0.4',
    '10.1.0.5',
  ]);
});

test('an endpoint that only got another port is one that is gone', async () => {
  const entry = '-p udp -d 10.0.0.1 --dport 53 -s 10.1.0.9 -r 10.1.0.1 -q 10.1.0.9 -t 600';
  await namespace.script(`
    conntrack -I ${entry} --sport 4000 --reply-port-dst 4000 --reply-port-src 5300
    conntrack -I ${entry} --sport 4001 --reply-port-dst 4001 --reply-port-src 5353`);
  flows.programmed('IPv4', snapshot(four, { pods: ['10.1.0.1'] }));
  await cleaned();
  expect(await namespace.script('conntrack -L -p udp 2>/dev/null')).toMatch(/^[^\n]* sport=5353 [^\n]*$/);
});
