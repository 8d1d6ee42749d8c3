import { expect, test } from 'vitest';
import type { Packet, Trace } from '../../trace.ts';
import { parseRules } from '../parse/parse.ts';
import { trace } from './evaluate.ts';

const nat = `
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SVC-A - [0:0]
:KUBE-EXT-A - [0:0]
:KUBE-SEP-1 - [0:0]
:KUBE-SEP-2 - [0:0]
:KUBE-SEP-3 - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-SERVICES -d 172.30.0.1/32 -p tcp -m comment --comment "ns/a cluster IP" -m tcp --dport 80 -j KUBE-SVC-A
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m comment --comment ns/a -m tcp --dport 30080 -j KUBE-EXT-A
-A KUBE-EXT-A -m comment --comment "masquerade traffic for ns/a external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-A -j KUBE-SVC-A
-A KUBE-SVC-A ! -s 10.0.0.0/8 -d 172.30.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-A -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-3 --mask 255.255.255.255 --rsource -j KUBE-SEP-3
-A KUBE-SVC-A -m comment --comment "ns/a -> 10.1.0.1:8080" -m statistic --mode random --probability 0.33333333349 -j KUBE-SEP-1
-A KUBE-SVC-A -m comment --comment "ns/a -> 10.1.0.2:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-2
-A KUBE-SVC-A -m comment --comment "ns/a -> 10.1.0.3:8080" -j KUBE-SEP-3
-A KUBE-SEP-1 -s 10.1.0.1/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination 10.1.0.1:8080
-A KUBE-SEP-2 -s 10.1.0.2/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-2 -p tcp -m tcp -j DNAT --to-destination 10.1.0.2:8080
-A KUBE-SEP-3 -s 10.1.0.3/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-3 -p tcp -m tcp -j DNAT --to-destination 10.1.0.3:8080
COMMIT
`;

const filter = `
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
-A FORWARD -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
-A KUBE-SERVICES -d 172.30.0.9/32 -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
-A KUBE-SERVICES -d 172.30.0.8/32 -p tcp -m tcp --dport 80 -j DROP
-A KUBE-EXTERNAL-SERVICES -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 30099 -j REJECT
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
`;

const world = { localAddresses: new Set(['192.168.0.1']) };

function send(to: string, change: Partial<Packet> = {}, rules = nat + filter): Trace {
  const [destination = '', port = '80'] = to.split(':');
  const packet: Packet = {
    source: '10.1.9.9',
    destination,
    destinationPort: Number(port),
    protocol: 'TCP',
    from: { kind: 'interface', name: 'eth0' },
    ...change,
  };
  return trace(parseRules(rules, 'IPv4').ruleSet, packet, world);
}

test('spreads a packet over the endpoints with the exact shares of the kernel', () => {
  const { verdict, backends, masquerade, uncertain } = send('172.30.0.1:80');
  expect({ verdict, masquerade, uncertain }).toEqual({
    verdict: 'forward',
    masquerade: false,
    uncertain: [],
  });
  expect(backends.map(({ address, port }) => `${address}:${port}`)).toEqual([
    '10.1.0.1:8080',
    '10.1.0.2:8080',
    '10.1.0.3:8080',
  ]);
  const third = Math.round(0.3333333333 * 2 ** 31) / 2 ** 31;
  expect(backends.map(({ probability }) => probability)).toEqual([third, (1 - third) / 2, (1 - third) / 2]);
});

test('masquerades what comes from outside, and a pod that meets itself', () => {
  expect(send('172.30.0.1:80', { source: '203.0.113.7' }).masquerade).toBe(true);
  const hairpin = send('172.30.0.1:80', { source: '10.1.0.2' });
  expect(hairpin.masquerade).toBe(false);
  expect(hairpin.backends.map(({ masquerade }) => masquerade)).toEqual([false, true, false]);
});

test('takes a NodePort of the node, and no port of another', () => {
  expect(send('192.168.0.1:30080')).toMatchObject({ verdict: 'forward', masquerade: true });
  expect(send('192.168.0.2:30080')).toMatchObject({ verdict: 'none', backends: [] });
  expect(send('127.0.0.1:30080', { from: { kind: 'local' } })).toMatchObject({ verdict: 'forward' });
});

test('sends a client that is remembered to the endpoint that remembers it', () => {
  const { backends } = send('172.30.0.1:80', { affinity: new Set(['KUBE-SEP-3']) });
  expect(backends).toEqual([{ address: '10.1.0.3', port: 8080, probability: 1, masquerade: false }]);
});

test('rejects and drops in filter, after routing has chosen the hook', () => {
  expect(send('172.30.0.9:80').verdict).toBe('reject');
  expect(send('172.30.0.9:80', { from: { kind: 'local' } }).verdict).toBe('reject');
  expect(send('172.30.0.8:80').verdict).toBe('drop');
  expect(send('192.168.0.1:30099').verdict).toBe('reject');
  expect(send('192.168.0.1:30099', { from: { kind: 'local' } }).verdict).toBe('reject');
});

test('lets the rest go: other ports, other protocols, other states', () => {
  expect(send('172.30.0.1:81')).toMatchObject({ verdict: 'none', masquerade: false });
  expect(send('172.30.0.1:80', { protocol: 'UDP' }).verdict).toBe('none');
  expect(send('172.30.0.1:80', { state: 'ESTABLISHED' }).verdict).toBe('none');
  expect(send('172.30.0.1:80', { state: 'INVALID' }).verdict).toBe('drop');
});

test('obeys the policy of a built-in chain', () => {
  const strict = (nat + filter).replace(':FORWARD ACCEPT', ':FORWARD DROP');
  expect(send('172.30.0.1:80', {}, strict).verdict).toBe('drop');
  expect(send('172.30.0.1:80', { source: '203.0.113.7' }, strict).verdict).toBe('forward');
});

test('lists the rules on the way, hook by hook, with the share of packets that they see', () => {
  const { hops } = send('172.30.0.1:80', { source: '203.0.113.7' });
  expect(hops.map(({ hook, chain, position, effect }) => `${hook} ${chain} ${position} ${effect}`)).toEqual([
    'PREROUTING PREROUTING 1 jump KUBE-SERVICES',
    'PREROUTING KUBE-SERVICES 1 jump KUBE-SVC-A',
    'PREROUTING KUBE-SVC-A 1 jump KUBE-MARK-MASQ',
    'PREROUTING KUBE-MARK-MASQ 1 set mark 0x4000',
    'PREROUTING KUBE-SVC-A 3 jump KUBE-SEP-1',
    'PREROUTING KUBE-SEP-1 2 DNAT to 10.1.0.1:8080',
    'PREROUTING KUBE-SVC-A 4 jump KUBE-SEP-2',
    'PREROUTING KUBE-SEP-2 2 DNAT to 10.1.0.2:8080',
    'PREROUTING KUBE-SVC-A 5 jump KUBE-SEP-3',
    'PREROUTING KUBE-SEP-3 2 DNAT to 10.1.0.3:8080',
    'FORWARD FORWARD 1 jump KUBE-FORWARD',
    'FORWARD KUBE-FORWARD 2 accept',
    'POSTROUTING POSTROUTING 1 jump KUBE-POSTROUTING',
    'POSTROUTING KUBE-POSTROUTING 2 flip mark 0x4000',
    'POSTROUTING KUBE-POSTROUTING 3 masquerade',
  ]);
  expect(hops.find(({ chain }) => chain === 'KUBE-SEP-2')?.probability).toBeCloseTo(1 / 3, 8);
  expect(hops.at(-1)).toMatchObject({
    table: 'nat',
    probability: 1,
    text: '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
  });
});

test('names the rules that it cannot judge, but not those that cannot match anyway', () => {
  const foreign = filter.replace(
    '-A FORWARD -j KUBE-FORWARD',
    [
      '-A FORWARD -d 172.30.0.1/32 -m set --match-set blocked src -j DROP',
      '-A FORWARD -p icmp -j DROP',
      '-A FORWARD -m set --match-set blocked src -j DROP',
      '-A FORWARD -j LOG --log-prefix "seen: "',
      '-A FORWARD -j NFQUEUE --queue-num 1',
    ].join('\n'),
  );
  const { verdict, uncertain } = send('172.30.0.1:80', {}, nat + foreign);
  expect(verdict).toBe('forward');
  expect(uncertain).toEqual([
    '-A FORWARD -m set --match-set blocked src -j DROP',
    '-A FORWARD -j NFQUEUE --queue-num 1',
  ]);
});

test('goto does not come back behind the rule that it leaves from', () => {
  const rules = (verb: string) => `
*filter
:FORWARD ACCEPT [0:0]
:A - [0:0]
:B - [0:0]
-A FORWARD -j A
-A FORWARD -d 9.9.9.9 -j ACCEPT
-A FORWARD -j DROP
-A A ${verb} B
-A A -j REJECT
COMMIT
`;
  expect(send('9.9.9.9:80', {}, rules('-j')).verdict).toBe('reject');
  expect(send('9.9.9.9:80', {}, rules('-g')).verdict).toBe('none');
});

/** A thousand endpoints, one after the other: 1/1000, 1/999, … as kube-proxy has them. */
function manyEndpoints(count: number): string {
  const declared: string[] = [];
  const rules: string[] = [];
  for (let index = 0; index < count; index++) {
    declared.push(`:SEP-${index} - [0:0]`);
    rules.push(
      `-A SVC -m statistic --mode random --probability ${(1 / (count - index)).toFixed(10)} -j SEP-${index}`,
      `-A SEP-${index} -p tcp -j DNAT --to-destination 10.2.${index >> 8}.${index & 255}:80`,
    );
  }
  const head = [':PREROUTING ACCEPT [0:0]', ':SVC - [0:0]', ...declared, '-A PREROUTING -j SVC'];
  return `*nat\n${[...head, ...rules].join('\n')}\nCOMMIT\n`;
}

test('follows a thousand endpoints, and their shares add up to one', () => {
  const { backends } = send('172.30.0.1:80', {}, manyEndpoints(1000) + filter);
  expect(backends).toHaveLength(1000);
  expect(backends.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
  expect(Math.max(...backends.map(({ probability }) => Math.abs(probability - 0.001)))).toBeLessThan(1e-6);
});

test('refuses chains that loop', () => {
  const loop =
    '*filter\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A FORWARD -j A\n-A A -j B\n-A B -j A\nCOMMIT\n';
  expect(() => send('9.9.9.9:80', {}, loop)).toThrow('loop');
});
