import { describe, expect, it } from 'vitest';
import { host, type Moment, momentOf, plainSetting } from '../../../../test/conformance/arbitraries.ts';
import { node, service, slice } from '../../../../test/conformance/objects.ts';
import { ruleSetOf } from '../../../../test/conformance/rules-of.ts';
import { finish } from '../../../agent/pace.ts';
import type { Packet } from '../../trace.ts';
import { kubeProxyNames } from '../names.ts';
import { nothingApplied, settle } from '../plan/applied.ts';
import { planAll, planChange } from '../plan/delta.ts';
import { trace } from '../trace/evaluate.ts';

const world = { localAddresses: new Set(host.addresses) };
const address = (at: number) => `10.244.${at >> 6}.${at & 63}`;

/** A Service of so many endpoints, those with an odd number on another node. */
function withEndpoints(count: number, spec = {}, before?: Moment): Moment {
  const objects = [
    node({ name: 'node-a', addresses: ['192.168.50.11'] }),
    service({
      name: 'web',
      type: 'NodePort',
      clusterIPs: ['172.30.0.41'],
      ports: [{ port: 80, nodePort: 30080 }],
      spec,
    }),
    slice({
      of: 'web',
      family: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: [...Array(count).keys()].map((at) => ({
        address: address(at),
        node: at % 2 === 0 ? 'node-a' : 'node-b',
      })),
    }),
  ];
  return momentOf(plainSetting, objects, before);
}

function packet(destination: string, destinationPort: number, affinity: readonly string[] = []): Packet {
  return {
    source: '203.0.113.9',
    destination,
    destinationPort,
    protocol: 'TCP',
    from: { kind: 'interface', name: 'eth0' },
    affinity: new Set(affinity),
  };
}

/** Every endpoint is as likely as any other, and together they are all there is. */
function expectEven(moment: Moment, to: Packet, addresses: readonly string[]): void {
  const { backends, uncertain } = trace(ruleSetOf(moment.layout), to, world);
  expect(uncertain).toEqual([]);
  expect(backends.map((backend) => backend.address).sort()).toEqual([...addresses].sort());
  for (const { probability, address: of } of backends)
    expect(Math.abs(probability - 1 / addresses.length), `${of} of ${addresses.length}`).toBeLessThan(1e-8);
}

describe('the choice among endpoints', () => {
  it('is even for any number of them', () => {
    for (let count = 1; count <= 200; count++) {
      const all = [...Array(count).keys()].map(address);
      expectEven(withEndpoints(count), packet('172.30.0.41', 80), all);
    }
  });

  it('is even among the local ones under policy Local', () => {
    const local = [...Array(70).keys()].filter((at) => at % 2 === 0).map(address);
    const moment = withEndpoints(70, { externalTrafficPolicy: 'Local' });
    expectEven(moment, packet('192.168.50.11', 30080), local);
  });

  it('is even for new clients when there is affinity, and settled for those that were here', () => {
    const moment = withEndpoints(40, { sessionAffinity: 'ClientIP' });
    expectEven(moment, packet('172.30.0.41', 80), [...Array(40).keys()].map(address));
    for (const at of [0, 17, 39]) {
      const known = kubeProxyNames.endpointChain(
        { name: 'default/web', protocol: 'TCP' },
        { address: address(at), port: 8080 },
      );
      const { backends } = trace(ruleSetOf(moment.layout), packet('172.30.0.41', 80, [known]), world);
      expect(backends).toEqual([{ address: address(at), port: 8080, probability: 1, masquerade: true }]);
    }
  });

  it('asks no packet to pass more than a few dozen rules among 1,000 endpoints', () => {
    const { layout } = withEndpoints(1000);
    const { backends } = trace(ruleSetOf(layout), packet('172.30.0.41', 80), world);
    expect(backends).toHaveLength(1000);
    const chains = [...ruleSetOf(layout).nat.values()].filter(({ name }) => name.startsWith('KUBE-SVC-'));
    expect(Math.max(...chains.map(({ rules }) => rules.length))).toBeLessThanOrEqual(17);
  });

  it('of 1,000 endpoints is rewritten along one path when one comes or goes', () => {
    const before = withEndpoints(1000);
    const held = settle(nothingApplied, finish(planAll(nothingApplied, before.layout)), before.layout);
    for (const count of [999, 1001]) {
      const after = withEndpoints(count, {}, before);
      const { steps } = finish(planChange(held, before.layout, after.layout));
      // One chain a level, the endpoint's own, and a leaf that may be split or joined.
      expect(steps.length).toBeLessThanOrEqual(16);
      expect(steps.filter(({ chain }) => chain.startsWith('KUBE-SEP-'))).toHaveLength(1);
    }
  });
});
