import { expect, test } from 'vitest';
import { fingerprintChain, fingerprintRule, rulesOf } from './fingerprint.ts';
import type { Chain, Match, Rule, Target } from './objects.ts';

const accept: Target = { kind: 'accept' };

function rule(matches: readonly Match[], target: Target = accept): Rule {
  return { matches, target, service: undefined };
}

function chain(name: string, ...rules: readonly Rule[]): Chain {
  return { table: 'nat', name, rules };
}

const remark: Match = { kind: 'comment', text: 'ns/svc:p80' };
const tcp: Match = { kind: 'protocol', protocol: 'tcp' };
const chance = (probability: string): Match => ({ kind: 'statistic', probability });

test('does not see the order of matches, but the order of rules', () => {
  expect(fingerprintRule(rule([remark, tcp]))).toBe(fingerprintRule(rule([tcp, remark])));
  expect(fingerprintChain(chain('X', rule([tcp]), rule([])))).not.toBe(
    fingerprintChain(chain('X', rule([]), rule([tcp]))),
  );
});

test('compares a probability in the steps of the kernel', () => {
  expect(fingerprintRule(rule([chance('0.3333333333')]))).toBe(
    fingerprintRule(rule([chance('0.33333333349')])),
  );
  expect(fingerprintRule(rule([chance('0.3333333333')]))).not.toBe(
    fingerprintRule(rule([chance('0.3333333343')])),
  );
});

test('drops what is always true: /0, all ports, any interface', () => {
  const spelled: readonly Match[] = [
    { kind: 'source', cidr: '0.0.0.0/0', negated: false },
    { kind: 'destination', cidr: '::/0', negated: false },
    { kind: 'destination-ports', from: 0, to: 65535 },
    { kind: 'in-interface', name: '+', negated: false },
  ];
  expect(fingerprintRule(rule([tcp, ...spelled]))).toBe(fingerprintRule(rule([tcp])));
});

test('sees the comment of a rule, except in the chains of single services', () => {
  const said = rule([remark]);
  for (const name of ['KUBE-SVC-X', 'KUBE-SVL-X', 'KUBE-SEP-X']) {
    expect(fingerprintChain(chain(name, said))).toBe(fingerprintChain(chain(name, rule([]))));
  }
  for (const name of ['KUBE-SERVICES', 'KUBE-EXT-X', 'KUBE-FW-X', 'KUBE-SVCX']) {
    expect(fingerprintChain(chain(name, said))).not.toBe(fingerprintChain(chain(name, rule([]))));
  }
});

test('is 16 characters long, and tells the number of rules of a chain', () => {
  expect(fingerprintRule(rule([]))).toMatch(/^[\w-]{16}$/);
  expect(fingerprintChain(chain('X'))).toMatch(/^[\w-]{16}0$/);
  const twelve = fingerprintChain(chain('X', ...Array<Rule>(12).fill(rule([tcp]))));
  expect(twelve).toMatch(/^[\w-]{16}12$/);
  expect([rulesOf(twelve), rulesOf(undefined)]).toEqual([12, 0]);
});
