import { afterEach, describe, expect, it } from 'vitest';
import { nodeOf, service, slice } from '../conformance/objects.ts';
import type { PodName } from '../conformance/places.ts';
import { Bed, nodeA, tell } from './bed.ts';
import { at, dual } from './objects.ts';

describe('the Node object changes while the agent runs', () => {
  let bed: Bed;
  afterEach(async () => bed.close());

  it('another zone: other endpoints by their hints', async () => {
    const zones: readonly (readonly [PodName, string])[] = [
      ['p1', 'zone-a'],
      ['p2', 'zone-b'],
    ];
    const hinted = zones.map(([pod, zone]) => ({
      address: at.IPv4.pod(pod),
      node: nodeOf(pod),
      forZones: [zone],
    }));
    bed = await Bed.open({
      objects: [
        nodeA({ zone: 'zone-a' }),
        service({
          name: 'near',
          clusterIPs: [at.IPv4.vip(1)],
          ports: [{ port: 80 }],
          spec: { trafficDistribution: 'PreferClose' },
        }),
        slice({ of: 'near', ports: [{ port: 8080 }], endpoints: hinted }),
      ],
    });
    await bed.start();
    await bed.untilServed(1, ['p1']);
    await bed.api.put(nodeA({ zone: 'zone-b' }));
    const followed = await bed.untilServed(1, ['p2']);
    await bed.api.put(nodeA());
    const without = await bed.untilServed(1, ['p1', 'p2']);
    tell('zone of the node changed', {
      followedMs: Math.round(followed),
      withoutZoneMs: Math.round(without),
    });
    expect(bed.agent.entries('chose the iptables variant')).toHaveLength(1);
  });

  it('its podCIDR comes and changes: other sources are masqueraded', async () => {
    bed = await Bed.open({
      clusterCidr: false,
      runFlags: ['--detect-local-mode', 'NodeCIDR'],
      objects: dual({ name: 'web', vip: 1, pods: ['r1'], families: ['IPv4'] }),
    });
    await bed.start();
    const source = async (): Promise<string> => {
      const [dial] = await bed.world.dial('p1', { to: at.IPv4.vip(1), port: 80, timeoutMilliseconds: 2500 });
      return dial?.outcome === 'answered' ? dial.source : (dial?.outcome ?? '');
    };
    const patience = { timeout: 15_000, interval: 50 };
    await bed.untilServed(1, ['r1']);
    await bed.api.put(nodeA({ podCIDRs: [at.IPv4.nodePods] }));
    await expect.poll(source, patience).toBe(at.IPv4.pod('p1'));
    await bed.api.put(nodeA({ podCIDRs: ['10.99.0.0/24'] }));
    await expect.poll(source, patience).toBe(at.IPv4.node);
    await bed.api.put(nodeA({ podCIDRs: [at.IPv4.nodePods] }));
    await expect.poll(source, patience).toBe(at.IPv4.pod('p1'));
  });

  it('its addresses: NodePorts on primary addresses move', async () => {
    const other = '192.168.50.111';
    bed = await Bed.open({
      runFlags: ['--nodeport-addresses', 'primary'],
      objects: dual({ name: 'web', vip: 1, pods: ['p1'], type: 'NodePort', nodePort: 30_080 }),
    });
    await bed.world.addAddress('node-a', other);
    await bed.start();
    const port = { port: 30_080, timeoutMilliseconds: 1000, count: 4 };
    await bed.untilServed(1, ['p1'], 15_000, { ...port, to: at.IPv4.node });
    expect(await bed.answers(1, { ...port, to: other })).toBe('refused');
    await bed.api.put(nodeA({ addresses: [other, at.IPv6.node] }));
    const followed = await bed.untilServed(1, ['p1'], 15_000, { ...port, to: other });
    expect(await bed.answers(1, { ...port, to: at.IPv4.node })).toBe('refused');
    tell('addresses of the node changed', { followedMs: Math.round(followed) });
  });
});
