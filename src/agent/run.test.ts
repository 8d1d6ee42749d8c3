import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeNode, type FakeNodeOptions } from '../../test/agent/fake-node.ts';
import { nodeA, pod, web } from '../../test/agent/services.ts';
import { node as nodeObject, service, slice } from '../../test/conformance/objects.ts';
import { NodeplaneError } from '../errors.ts';
import { type Family, families } from '../model/address.ts';
import { defaultRoutingSettings } from '../routing/settings.ts';

const nodes: FakeNode[] = [];

function running(options?: FakeNodeOptions): FakeNode {
  const node = new FakeNode(options).start();
  nodes.push(node);
  return node;
}

afterEach(async () => {
  for (const node of nodes.splice(0)) {
    node.programs.release();
    await node.stop();
  }
});

const dual = { families } as const;
const endedOf = (node: FakeNode, family: Family) => node.reports.filter((report) => report.family === family);

describe('what time can heal', () => {
  it('programs that are not there yet', async () => {
    const node = running();
    node.programs.fault = () => 'absent';
    node.source.tell([nodeA, ...web(1)]);
    await node.pass(60_000);
    expect(node.reports.length).toBeGreaterThan(3);
    expect(node.reports.length).toBeLessThan(10);
    expect(node.reports.at(-1)?.error).toMatchObject({ code: 'NP-KERNEL-001' });
    node.programs.fault = () => undefined;
    await node.pass(31_000);
    expect(node.reports.at(-1)?.error).toBeUndefined();
    expect(node.rules()).toContain(pod(1));
    // The same trouble again and again is not told again and again.
    expect(node.log.match(/"level":"error"/g)?.length).toBeLessThan(3);
  });

  it.each(['locked', 'killed', 'timed-out'] as const)(
    'a restore that is %s: the next try reads the kernel',
    async (fault) => {
      const node = running();
      node.source.tell([nodeA, ...web(1)]);
      await node.synced(1);
      node.programs.fault = (program) => (program === 'restore' ? fault : undefined);
      node.source.tell([nodeA, ...web(1), ...web(2)]);
      await node.pass(500);
      await node.synced(2);
      const saves = node.programs.saves.IPv4;
      node.programs.fault = () => undefined;
      await node.pass(3000);
      expect(node.programs.saves.IPv4).toBeGreaterThan(saves);
      expect(node.reports.at(-1)).toMatchObject({ error: undefined, full: true });
      expect(node.rules()).toContain(pod(2));
    },
  );

  it('a kernel that lacks what Services ask for gets the rest, and all once it has it', async () => {
    const node = running();
    node.programs.lacks = ['recent', 'sctp'];
    const sticky = web(1, { spec: { sessionAffinity: 'ClientIP' } });
    const stream = web(2, { port: { protocol: 'SCTP' } });
    node.source.tell([nodeA, ...sticky, ...stream, ...web(3)]);
    await node.synced(1);
    expect(node.reports[0]).toMatchObject({ error: undefined, servicePorts: 2 });
    expect(node.rules()).not.toMatch(/-m recent|sctp/);
    expect(node.findings.map(({ code, object }) => `${code} ${object}`)).toEqual([
      'NP-OBJECT-007 Service default/s1',
      'NP-OBJECT-008 Service default/s2',
    ]);
    node.programs.lacks = [];
    await node.pass(400_000);
    expect(node.rules()).toMatch(/-m recent/);
    expect(node.rules()).toContain('sctp');
    expect(node.findings).toEqual([]);
  });
});

describe('one family', () => {
  it.each(['absent', 'locked', 'timed-out'] as const)(
    'whose programs are %s does not keep the other one out',
    async (fault) => {
      const node = running(dual);
      node.programs.fault = (program, family) =>
        family === 'IPv6' && /restore|save|ip6/.test(program) ? fault : undefined;
      node.source.tell([nodeA, ...web(1, dual)]);
      await node.pass(5000);
      expect(endedOf(node, 'IPv4')).toMatchObject([{ error: undefined }]);
      expect(endedOf(node, 'IPv6').length).toBeGreaterThan(1);
      expect(endedOf(node, 'IPv6').every(({ error }) => error !== undefined)).toBe(true);
      node.programs.fault = () => undefined;
      await node.pass(60_000);
      expect(endedOf(node, 'IPv6').at(-1)?.error).toBeUndefined();
      expect(node.rules('IPv6')).toContain(pod(1, 'IPv6'));
    },
  );

  it('that hangs does not delay the other one', async () => {
    const node = running(dual);
    node.programs.fault = (program, family) =>
      family === 'IPv6' && program === 'restore' ? 'hangs' : undefined;
    node.source.tell([nodeA, ...web(1, dual)]);
    await node.until(() => endedOf(node, 'IPv4').length === 1);
    for (let number = 2; number < 6; number++) {
      node.source.tell([nodeA, ...web(1, dual), ...web(number, dual)]);
      await node.pass(2000);
      expect(node.rules('IPv4')).toContain(pod(number));
    }
    expect(endedOf(node, 'IPv6')).toEqual([]);
    node.programs.fault = () => undefined;
    node.programs.release();
    await node.pass(5000);
    expect(node.rules('IPv6')).toContain(pod(5, 'IPv6'));
  });

  it('that hangs at the end is cut off after some seconds', async () => {
    const node = running();
    node.programs.fault = (program) => (program === 'restore' ? 'hangs' : undefined);
    node.source.tell([nodeA, ...web(1)]);
    await node.until(() => node.clock.waiting > 0);
    await node.pass(10);
    let ended = false;
    const stopping = node.stop().then(() => {
      ended = true;
    });
    await node.pass(4999);
    expect(ended).toBe(false);
    await node.pass(1);
    await stopping;
    expect(node.observersStopped).toBe(1);
    expect(node.log).toMatch(/"signal":"SIGTERM".*ended; the rules stay/);
  });
});

it('a first sync that ends after the agent was told to begins no looking for changes by others', async () => {
  const node = running();
  await node.pass(100);
  node.programs.fault = (program) => (program === 'restore' ? 'hangs' : undefined);
  node.source.tell([nodeA, ...web(1)]);
  await node.pass(100);
  const stopped = node.stop();
  node.programs.release();
  await stopped;
  expect(node.reports).toMatchObject([{ error: undefined }]);
  expect(node.watching).toEqual(['stop']);
});

describe('changes of the node take effect without a restart', () => {
  const zoned = [
    service({ name: 'web', clusterIPs: ['172.30.0.1'], ports: [{ port: 80 }] }),
    slice({
      of: 'web',
      ports: [{ port: 8080 }],
      endpoints: [
        { address: '10.244.1.1', forZones: ['zone-1'] },
        { address: '10.244.2.1', forZones: ['zone-2'] },
      ],
    }),
  ];
  const inZone = (zone: string, podCIDRs: readonly string[] = []) =>
    nodeObject({ name: 'node-a', addresses: ['192.168.50.11'], zone, podCIDRs });

  it('the zone label', async () => {
    const node = running();
    node.source.tell([inZone('zone-1'), ...zoned]);
    await node.synced(1);
    expect(node.rules()).not.toContain('--to-destination 10.244.2.1');
    node.source.tell([inZone('zone-2'), ...zoned]);
    await node.pass(2000);
    expect(node.rules()).toContain('--to-destination 10.244.2.1');
    expect(node.rules()).not.toContain('--to-destination 10.244.1.1');
  });

  it('the podCIDRs, for the detector NodeCIDR', async () => {
    const routing = { ...defaultRoutingSettings, detectLocal: { mode: 'NodeCIDR' } } as const;
    const node = running({ config: { routing } });
    node.source.tell([inZone('zone-1'), ...zoned]);
    await node.synced(1);
    expect(node.rules()).not.toContain('! -s 10.');
    node.source.tell([inZone('zone-1', ['10.244.1.0/24']), ...zoned]);
    await node.pass(2000);
    expect(node.rules()).toContain('! -s 10.244.1.0/24');
  });

  it('its address, for NodePorts on the primary one, and addresses of interfaces', async () => {
    const routing = { ...defaultRoutingSettings, nodePortAddresses: { kind: 'primary' } } as const;
    const node = running({ config: { routing } });
    const addresses = ['192.168.50.11'];
    node.programs.addresses = () => addresses;
    const exposed = service({
      name: 'web',
      type: 'NodePort',
      clusterIPs: ['172.30.0.1'],
      ports: [{ port: 80, nodePort: 30_080 }],
    });
    const at = (address: string) => nodeObject({ name: 'node-a', addresses: [address] });
    node.source.tell([at('192.168.50.11'), exposed]);
    await node.synced(1);
    expect(node.rules()).toContain('-d 192.168.50.11/32');
    addresses.push('192.168.50.12');
    node.source.tell([at('192.168.50.12'), exposed]);
    // The host is looked at every 30 s.
    await node.pass(31_000);
    expect(node.rules()).toContain('-d 192.168.50.12/32');
    expect(node.rules()).not.toContain('-d 192.168.50.11/32');
  });

  it('nf_conntrack_tcp_be_liberal, and nothing is asked for while the host is as it was', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    expect(node.rules()).toMatch(/ctstate INVALID/);
    await node.pass(120_000);
    expect(node.reports).toHaveLength(1);
    node.sysctls.set('net/netfilter/nf_conntrack_tcp_be_liberal', 1);
    await node.pass(31_000);
    expect(node.rules()).not.toMatch(/ctstate INVALID/);
  });
});

describe('the configuration', () => {
  it('that asks for looks each nanosecond gets one a second', async () => {
    const sync = { minSyncPeriodMilliseconds: undefined, syncPeriodMilliseconds: 1e-6 };
    const node = running({ config: { sync } });
    const reads = vi.spyOn(node.sysctls, 'get');
    await node.pass(10_000);
    expect(reads.mock.calls.length).toBeLessThanOrEqual(12);
  });

  it('is applied live where it can be: nothing is opened again', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    const conntrack = { ...node.config.conntrack, maxPerCore: 7 };
    node.configure({ routing: { ...defaultRoutingSettings, masqueradeAll: true }, conntrack });
    await node.pass(2000);
    expect(node.rules()).toMatch(/cluster IP" .*-j KUBE-MARK-MASQ|cluster IP.*KUBE-MARK-MASQ/);
    expect(node.conntrack.at(-1)).toEqual(conntrack);
    expect(node.source.starts).toBe(1);
    expect(node.observersOpened).toHaveLength(1);
  });

  it('is applied by opening source and observers again where it cannot; the rules stay', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    const before = node.rules();
    node.configure({ events: false });
    await node.until(() => node.source.starts === 2);
    await node.synced(2);
    expect(node.observersOpened.map(({ events }) => events)).toEqual([true, false]);
    expect([node.observersStopped, node.source.stops]).toEqual([0, 1]);
    expect(node.rules()).toBe(before);
    expect(node.programs.restores.IPv4).toHaveLength(1);
    const heard = node.happenings.filter(({ kind }) => kind === 'snapshot-heard');
    expect(heard).toMatchObject([
      { services: 1, slices: 1 },
      { services: 0, slices: 0 },
    ]);
    node.source.tell([nodeA, ...web(1), ...web(2)]);
    await node.pass(2000);
    expect(node.rules()).toContain(pod(2));
  });

  it('that is refused changes nothing, and is told', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    const error = new NodeplaneError('NP-CONFIG-002', { file: 'x', problems: ' mode' });
    node.refuseConfiguration(error);
    expect(node.happenings).toContainEqual({ kind: 'config-refused', error });
    expect(node.log).toContain('NP-CONFIG-002');
    expect(node.source.starts).toBe(1);
  });

  it('that cannot be used yet is tried again, and another one meanwhile is used at once', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    const before = node.rules();
    node.sourceError = new NodeplaneError('NP-API-001', { file: 'kubeconfig', reason: 'it does not exist' });
    node.configure({ client: { kubeconfig: 'kubeconfig', server: undefined } });
    await node.pass(10_000);
    expect(node.log).toContain('NP-API-001');
    expect(node.source.starts).toBe(1);
    expect(node.rules()).toBe(before);
    node.sourceError = undefined;
    node.configure({ client: { kubeconfig: 'other', server: undefined } });
    await node.until(() => node.source.starts === 2);
    await node.synced(2);
  });

  it('that cannot be used yet closes nothing that works, and is used as soon as it can be', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    node.sourceError = new NodeplaneError('NP-API-001', { file: 'kubeconfig', reason: 'it does not exist' });
    node.configure({ client: { kubeconfig: 'kubeconfig', server: undefined } });
    await node.pass(10_000);
    node.source.tell([nodeA, ...web(2)]);
    await node.synced(2);
    expect(node.source.starts).toBe(1);
    node.sourceError = undefined;
    await node.pass(40_000);
    await node.until(() => node.source.starts === 2);
  });

  it('that cannot be used and is taken back is not tried again', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    node.sourceError = new NodeplaneError('NP-API-001', { file: 'kubeconfig', reason: 'it does not exist' });
    node.configure({ client: { kubeconfig: 'kubeconfig', server: undefined } });
    await node.pass(10_000);
    node.configure({});
    node.sourceError = undefined;
    await node.pass(120_000);
    expect(node.source.starts).toBe(1);
  });

  it('that cannot be used at the start ends the agent with the reason', async () => {
    const node = new FakeNode();
    node.sourceError = new NodeplaneError('NP-API-001', { file: 'kubeconfig', reason: 'it does not exist' });
    await expect(node.start().ended()).rejects.toMatchObject({ code: 'NP-API-001' });
  });

  it('cannot move the rules to the other variant while it runs, and says so', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    node.configure({ iptablesVariant: 'legacy' });
    await node.pass(1000);
    expect(node.source.starts).toBe(1);
    expect(node.log).toContain('from the next start of the process on');
  });
});

describe('the report of a sync', () => {
  it('calls a try after a failure full, and only the one before it a failed partial one', async () => {
    const node = running();
    node.source.tell([nodeA, ...web(1)]);
    await node.synced(1);
    node.programs.fault = (program) => (program === 'restore' ? 'locked' : undefined);
    node.source.tell([nodeA, ...web(1), ...web(2)]);
    await node.pass(10_000);
    node.programs.fault = () => undefined;
    await node.pass(30_000);
    const told = node.reports.map(({ full, partialFailed, error }) => ({ full, partialFailed, ok: !error }));
    expect(told.slice(0, 3)).toEqual([
      { full: true, partialFailed: false, ok: true },
      { full: false, partialFailed: true, ok: false },
      { full: true, partialFailed: false, ok: false },
    ]);
    expect(told.filter(({ partialFailed }) => partialFailed)).toHaveLength(1);
    expect(told.at(-1)).toEqual({ full: true, partialFailed: false, ok: true });
  });

  it('counts what the kernel lacks as left out, so that no health check calls it served', async () => {
    const node = running();
    node.programs.lacks = ['recent', 'sctp'];
    const sticky = web(1, { spec: { sessionAffinity: 'ClientIP' } });
    node.source.tell([nodeA, ...sticky, ...web(2, { port: { protocol: 'SCTP' } })]);
    await node.synced(1);
    expect(node.reports[0]?.quarantined).toEqual([expect.stringMatching(/^default\/s2.*\/sctp$/)]);
    expect(node.debug?.families()).toMatchObject([{ quarantined: node.reports[0]?.quarantined }]);
  });

  it('counts rules, of each table and written, as the kernel holds them', async () => {
    const node = running();
    const counted = () => {
      const tables = Object.entries(node.programs.fakes.IPv4.ruleSet());
      return tables.map(([name, chains]) => [
        name,
        [...chains.values()].reduce((sum, { rules }) => sum + rules.length, 0),
      ]);
    };
    for (const objects of [[...web(1), ...web(2)], [...web(2)], [...web(2), ...web(3, { endpoints: [] })]]) {
      const before = node.reports.length;
      node.source.tell([nodeA, ...objects]);
      await node.pass(2000);
      await node.synced(before + 1);
      const { rules } = node.reports.at(-1) ?? { rules: undefined };
      expect(Object.entries(rules ?? {}).map(([name, { total }]) => [name, total])).toEqual(counted());
    }
    const written = node.reports[0]?.rules;
    expect(written?.nat.written).toBe(written?.nat.total);
    expect(node.reports[1]?.rules.mangle.written).toBe(0);
  });

  it('tells when what changed was triggered, but for what was so before the agent came', async () => {
    const node = running();
    const at = (time: string, ...endpoints: readonly string[]) => {
      const [one = {}, slices = {}] = web(1, { endpoints });
      const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': time };
      return [one, { ...slices, metadata: { ...Object(slices['metadata']), annotations } }];
    };
    node.source.tell([nodeA, ...at('2026-01-01T00:00:00Z', pod(1))]);
    await node.synced(1);
    node.source.tell([nodeA, ...at('2026-01-01T00:00:09Z', pod(2))]);
    await node.pass(2000);
    expect(node.reports.map(({ triggeredAt }) => triggeredAt)).toEqual([[], [Date.UTC(2026, 0, 1, 0, 0, 9)]]);
  });
});
