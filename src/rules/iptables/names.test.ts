import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../model/service.ts';
import type { Route } from '../../routing/route.ts';
import { besideNames, chainNames, firewall, kubeProxyNames, longestChainName } from './names.ts';

function route(name: string, protocol: Protocol): Route {
  return {
    key: `${name}/${protocol.toLowerCase()}`,
    name,
    family: 'IPv4',
    protocol,
    port: 80,
    endpoints: { cluster: [], local: [] },
    clusterIPs: [],
    internal: [],
    externalAddresses: [],
    nodePort: 0,
    external: [],
    affinitySeconds: undefined,
    healthCheckNodePort: 0,
  };
}

describe('chain names', () => {
  it.each([
    ['ns1/svc1:p80', 'TCP', 'XPGD46QRK7WJZT7O'],
    ['ns2/svc2:p80', 'TCP', 'GNZBNJ2PO5MGZ6GT'],
    ['ns3/svc3:p80', 'TCP', 'X27LE4BHSL4DOUIK'],
    ['ns4/svc4:p80', 'TCP', '4SW47YFZTEDKD3PK'],
    ['ns5/svc5:p80', 'TCP', 'NUKIZ6OKUXPJNT4C'],
    ['ns1/svc1:p80', 'UDP', 'OJWW7NSBVZTDHXNW'],
    ['ns1/svc1', 'TCP', 'AQI2S6QIMU7PVVRP'],
  ] as const)('of %s %s are those of kube-proxy', (name, protocol, hash) => {
    expect(kubeProxyNames.serviceChain('SVC', route(name, protocol))).toBe(`KUBE-SVC-${hash}`);
    expect(kubeProxyNames.serviceChain('EXT', route(name, protocol))).toBe(`KUBE-EXT-${hash}`);
  });

  it.each([
    ['ns1/svc1:p80', '10.180.0.1', 'SXIVWICOYRO3J4NJ'],
    ['ns2/svc2:p80', '10.180.0.2', 'RS4RBKLTHTF2IUXJ'],
    ['ns4/svc4:p80', '10.180.0.4', 'UKSFD7AGPMPPLUHC'],
    ['ns4/svc4:p80', '10.180.0.5', 'C6EBXVWJJZMIWKLZ'],
    ['ns5/svc5:p80', '10.180.0.3', 'I77PXRDZVX7PMWMN'],
    ['ns1/svc1:p80', 'fd00:10:244::5', 'JR6YXXN6Y3V4FLYE'],
  ])('of the endpoint %s %s are those of kube-proxy', (name, address, hash) => {
    expect(kubeProxyNames.endpointChain(route(name, 'TCP'), { address, port: 80 })).toBe(`KUBE-SEP-${hash}`);
  });

  it('beside kube-proxy are as long and begin otherwise', () => {
    const [theirs, ours] = [false, true].map((besideKubeProxy) => chainNames({ besideKubeProxy }));
    expect([theirs, ours]).toEqual([kubeProxyNames, besideNames]);
    const web = route('ns1/svc1:p80', 'TCP');
    expect(besideNames.serviceChain('SVC', web)).toBe('NPLN-SVC-XPGD46QRK7WJZT7O');
    expect(besideNames.externalServices).toHaveLength(kubeProxyNames.externalServices.length);
    expect(besideNames.dispatchTreeChain(besideNames.services, 'nat-services', 'ac1').length).toBeLessThan(
      longestChainName,
    );
  });

  it('tell whose a chain is', () => {
    const chains = (names: typeof besideNames) => [
      ...Object.values(names).filter((value) => typeof value === 'string' && value !== names.prefix),
      ...Object.values(names.of).map((start) => `${start}XPGD46QRK7WJZT7O`),
    ];
    for (const [names, others] of [
      [besideNames, kubeProxyNames],
      [kubeProxyNames, besideNames],
    ] as const) {
      expect(chains(names).filter((name) => !names.isOwn(name))).toEqual([]);
      expect(chains(others).filter((name) => names.isOwn(name))).toEqual([]);
      expect([firewall, 'KUBE-KUBELET-CANARY', 'NPLN-FOO'].filter((name) => names.isOwn(name))).toEqual([]);
    }
  });
});
