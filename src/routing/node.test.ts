import { describe, expect, it } from 'vitest';
import { type Family, families } from '../model/address.ts';
import type { Node } from '../model/node.ts';
import { decideNode, mainAddress } from './node.ts';
import {
  type DetectLocal,
  defaultRoutingSettings,
  type HostFacts,
  type NodePortSelection,
} from './settings.ts';

const node: Node = {
  name: 'node-a',
  zone: undefined,
  addresses: ['192.168.50.11', 'fd00:50::11', '203.0.113.11'],
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
  deleting: false,
  taintKeys: [],
};

const host: HostFacts = {
  addresses: ['127.0.0.1', '127.0.0.53', '192.168.50.11', '10.0.3.7', '::1', 'fd00:50::11', 'fe80::1'],
  conntrackTcpBeLiberal: false,
};

const decided = (family: Family, settings = {}, of: Node | undefined = node, on = host) =>
  decideNode(family, { ...defaultRoutingSettings, ...settings }, on, of);

describe('local pods', () => {
  const network = (cidr: string) => ({ kind: 'source-network', cidr });
  it.each<[DetectLocal, unknown, unknown]>([
    [{ mode: 'None' }, undefined, undefined],
    [{ mode: 'ClusterCIDR', cidrs: [] }, undefined, undefined],
    [{ mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16'] }, network('10.244.0.0/16'), undefined],
    [
      { mode: 'ClusterCIDR', cidrs: ['fd00::/8', '10.0.0.0/8', '10.244.0.0/16'] },
      network('10.0.0.0/8'),
      network('fd00::/8'),
    ],
    [{ mode: 'NodeCIDR' }, network('10.244.1.0/24'), network('fd00:10:244:1::/64')],
    [
      { mode: 'BridgeInterface', name: 'cni0' },
      { kind: 'interface', name: 'cni0' },
      { kind: 'interface', name: 'cni0' },
    ],
    [
      { mode: 'InterfaceNamePrefix', prefix: 'veth' },
      { kind: 'interface-prefix', prefix: 'veth' },
      { kind: 'interface-prefix', prefix: 'veth' },
    ],
  ])('%o', (detectLocal, v4, v6) => {
    expect(decided('IPv4', { detectLocal }).localPods).toEqual(v4);
    expect(decided('IPv6', { detectLocal }).localPods).toEqual(v6);
  });

  it('are not known by NodeCIDR as long as the Node is not', () => {
    const settings = { ...defaultRoutingSettings, detectLocal: { mode: 'NodeCIDR' } as const };
    expect(decideNode('IPv4', settings, host, undefined).localPods).toBeUndefined();
  });
});

describe('NodePort addresses', () => {
  const cidrs = (...list: readonly string[]): NodePortSelection => ({ kind: 'cidrs', cidrs: list });
  it.each<[NodePortSelection, unknown, unknown]>([
    [
      { kind: 'all' },
      { addresses: 'any-local', onLoopback: true },
      { addresses: 'any-local', onLoopback: false },
    ],
    [
      { kind: 'primary' },
      { addresses: ['192.168.50.11'], onLoopback: false },
      { addresses: ['fd00:50::11'], onLoopback: false },
    ],
    // A family without a network of its own accepts everywhere.
    [
      cidrs('192.168.0.0/16'),
      { addresses: ['192.168.50.11'], onLoopback: false },
      { addresses: 'any-local', onLoopback: false },
    ],
    [
      cidrs('10.0.0.0/8', '0.0.0.0/0', 'fd00::/8'),
      { addresses: 'any-local', onLoopback: true },
      { addresses: ['fd00:50::11'], onLoopback: false },
    ],
    [
      cidrs('127.0.0.0/8', '10.0.0.0/8', '::1/128', 'fe80::/10'),
      { addresses: ['127.0.0.1', '127.0.0.53', '10.0.3.7'], onLoopback: true },
      { addresses: ['fe80::1'], onLoopback: false },
    ],
    [
      cidrs('172.16.0.0/12', '2001:db8::/32'),
      { addresses: [], onLoopback: false },
      { addresses: [], onLoopback: false },
    ],
  ])('%o', (nodePortAddresses, v4, v6) => {
    expect(decided('IPv4', { nodePortAddresses }).nodePorts).toEqual(v4);
    expect(decided('IPv6', { nodePortAddresses }).nodePorts).toEqual(v6);
  });

  it('leave loopback out when localhost is switched off', () => {
    const off = { localhostNodePorts: false };
    expect(decided('IPv4', off).nodePorts).toEqual({ addresses: 'any-local', onLoopback: false });
    const some = { ...off, nodePortAddresses: cidrs('127.0.0.0/8', '10.0.0.0/8') };
    expect(decided('IPv4', some).nodePorts).toEqual({ addresses: ['10.0.3.7'], onLoopback: false });
  });
});

describe('the main address', () => {
  it.each<[Family, readonly string[], Node | undefined, string]>([
    ['IPv4', [], node, '192.168.50.11'],
    ['IPv6', [], node, 'fd00:50::11'],
    ['IPv4', ['10.9.9.9'], node, '10.9.9.9'],
    ['IPv6', ['10.9.9.9'], node, 'fd00:50::11'],
    ['IPv4', [], undefined, '127.0.0.1'],
    ['IPv6', [], undefined, '::1'],
    ['IPv6', [], { ...node, addresses: ['192.168.50.11'] }, '::1'],
  ])('%s, configured %o', (family, nodeAddresses, of, expected) => {
    expect(mainAddress(family, { ...defaultRoutingSettings, nodeAddresses }, of)).toBe(expected);
  });
});

it.each([
  [0, 1],
  [14, 0x4000],
  [31, 0x80000000],
])('bit %i marks for masquerading with %i', (masqueradeBit, mark) => {
  for (const family of families) expect(decided(family, { masqueradeBit }).masqueradeMark).toBe(mark);
});

it('drops invalid packets unless connection tracking is liberal', () => {
  expect(decided('IPv4').dropInvalid).toBe(true);
  expect(decided('IPv4', {}, node, { ...host, conntrackTcpBeLiberal: true }).dropInvalid).toBe(false);
});
