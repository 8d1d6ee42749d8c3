import { expect, test } from 'vitest';
import type { Match, Rule, Target } from './objects.ts';
import { renderRule, renderRuleWith } from './render.ts';

function rule(matches: readonly Match[], target: Target): Rule {
  return { matches, target, service: undefined };
}

const comment = (text: string): Match => ({ kind: 'comment', text });
const tcp: Match = { kind: 'protocol', protocol: 'tcp' };
const port80: Match = { kind: 'destination-ports', from: 80, to: 80 };
const to = (cidr: string, negated = false): Match => ({ kind: 'destination', cidr, negated });
const from = (cidr: string, negated = false): Match => ({ kind: 'source', cidr, negated });

test('writes the rules of a load-balanced service as kube-proxy does, word for word', () => {
  const sep = 'KUBE-SEP-I77PXRDZVX7PMWMN';
  const lines = [
    renderRule(
      'KUBE-SERVICES',
      rule([comment('ns5/svc5:p80 cluster IP'), tcp, to('172.30.0.45/32'), port80], {
        kind: 'jump',
        chain: 'KUBE-SVC-NUKIZ6OKUXPJNT4C',
      }),
    ),
    renderRule(
      'KUBE-FW-NUKIZ6OKUXPJNT4C',
      rule([comment('ns5/svc5:p80 loadbalancer IP'), from('203.0.113.0/25')], {
        kind: 'jump',
        chain: 'KUBE-EXT-NUKIZ6OKUXPJNT4C',
      }),
    ),
    renderRule(
      'KUBE-SVC-NUKIZ6OKUXPJNT4C',
      rule([comment('ns5/svc5:p80 -> 10.180.0.3:80'), { kind: 'recent-check', list: sep, seconds: 10800 }], {
        kind: 'jump',
        chain: sep,
      }),
    ),
    renderRule(
      sep,
      rule([comment('ns5/svc5:p80'), { kind: 'recent-set', list: sep }, tcp], {
        kind: 'dnat',
        address: '10.180.0.3',
        port: 80,
      }),
    ),
  ];
  expect(lines).toEqual([
    '-A KUBE-SERVICES -m comment --comment "ns5/svc5:p80 cluster IP" -m tcp -p tcp -d 172.30.0.45 --dport 80 -j KUBE-SVC-NUKIZ6OKUXPJNT4C',
    '-A KUBE-FW-NUKIZ6OKUXPJNT4C -m comment --comment "ns5/svc5:p80 loadbalancer IP" -s 203.0.113.0/25 -j KUBE-EXT-NUKIZ6OKUXPJNT4C',
    '-A KUBE-SVC-NUKIZ6OKUXPJNT4C -m comment --comment "ns5/svc5:p80 -> 10.180.0.3:80" -m recent --name KUBE-SEP-I77PXRDZVX7PMWMN --rcheck --seconds 10800 --reap -j KUBE-SEP-I77PXRDZVX7PMWMN',
    '-A KUBE-SEP-I77PXRDZVX7PMWMN -m comment --comment ns5/svc5:p80 -m recent --name KUBE-SEP-I77PXRDZVX7PMWMN --set -m tcp -p tcp -j DNAT --to-destination 10.180.0.3:80',
  ]);
});

test('prints marks with eight digits and the short form of a MARK target that has one', () => {
  const mark = (clear: number, flip: number) => renderRule('C', rule([], { kind: 'mark', clear, flip }));
  expect(mark(0x4000, 0x4000)).toBe('-A C -j MARK --or-mark 0x00004000');
  expect(mark(0, 0x4000)).toBe('-A C -j MARK --xor-mark 0x00004000');
  expect(mark(0xffffffff, 0x1)).toBe('-A C -j MARK --set-xmark 0x00000001/0xffffffff');
  const unmarked = rule([{ kind: 'mark', value: 0x4000, mask: 0x4000, negated: true }], { kind: 'return' });
  expect(renderRule('C', unmarked)).toBe('-A C -m mark ! --mark 0x00004000/0x00004000 -j RETURN');
});

test('prints a host without its length and a network with it, in both families', () => {
  expect(renderRule('C', rule([to('127.0.0.0/8', true), from('10.0.0.1/32')], { kind: 'none' }))).toBe(
    '-A C ! -d 127.0.0.0/8 -s 10.0.0.1',
  );
  expect(renderRule('C', rule([to('::1/128', true), from('fd00::/8')], { kind: 'accept' }))).toBe(
    '-A C ! -d ::1 -s fd00::/8 -j ACCEPT',
  );
  expect(renderRule('C', rule([tcp], { kind: 'dnat', address: 'fd00::1', port: 80 }))).toBe(
    '-A C -m tcp -p tcp -j DNAT --to-destination [fd00::1]:80',
  );
});

test('quotes a comment when it must, and escapes what ends a quotation', () => {
  const line = (text: string) => renderRule('C', rule([comment(text)], { kind: 'none' }));
  expect(line('a b')).toBe('-A C -m comment --comment "a b"');
  expect(line('say "x\\y"')).toBe('-A C -m comment --comment "say \\"x\\\\y\\""');
  expect(line('')).toBe('-A C -m comment --comment ""');
});

test('writes the same body behind -I and -D', () => {
  const jump = rule([comment('kubernetes service portals')], { kind: 'jump', chain: 'KUBE-SERVICES' });
  const body = 'PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES';
  expect(renderRuleWith('-I', 'PREROUTING', jump)).toBe(`-I ${body}`);
  expect(renderRuleWith('-D', 'PREROUTING', jump)).toBe(`-D ${body}`);
});
