import { describe, expect, it } from 'vitest';
import { momentOf, plainSetting, type Setting } from '../../../../test/conformance/arbitraries.ts';
import { service, slice } from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import { createFakeIptables } from '../../../kernel/fake.ts';
import { kubeProxyNames } from '../names.ts';
import { parseRules } from '../parse/parse.ts';
import { nothingApplied } from '../plan/applied.ts';
import { planAll } from '../plan/delta.ts';
import { appliedFrom } from '../plan/read-applied.ts';
import { restoreLines } from '../plan/restore.ts';
import { compare } from './compare.ts';
import { readRoutes } from './read-routes.ts';

/**
 * What kube-proxy 1.36 sends for one Service, in its order: a load balancer under policy Local with ranges and affinity, one
 * local endpoint and one elsewhere.
 */
const theirs = `*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-PROXY-CANARY - [0:0]
-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-NODEPORTS -m comment --comment "default/web:http health check node port" -m tcp -p tcp --dport 32004 -j ACCEPT
-A KUBE-PROXY-FIREWALL -m comment --comment "default/web:http traffic not accepted by KUBE-FW-CDGGSHYLG3RE2FKL" -m tcp -p tcp -d 198.51.100.4 --dport 80 -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x00004000/0x00004000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-I INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-I INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-I OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-I FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-I INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-I OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-I FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-I INPUT -j KUBE-FIREWALL
-I OUTPUT -j KUBE-FIREWALL
COMMIT
*mangle
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*nat
:KUBE-PROXY-CANARY - [0:0]
:KUBE-EXT-CDGGSHYLG3RE2FKL - [0:0]
:KUBE-FW-CDGGSHYLG3RE2FKL - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-3OLK2YUW6LHBC4UX - [0:0]
:KUBE-SEP-AFGSLHOD2HFNCBX4 - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-CDGGSHYLG3RE2FKL - [0:0]
:KUBE-SVL-CDGGSHYLG3RE2FKL - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web:http cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 -j KUBE-SVC-CDGGSHYLG3RE2FKL
-A KUBE-SERVICES -m comment --comment "default/web:http external IP" -m tcp -p tcp -d 192.0.2.4 --dport 80 -j KUBE-EXT-CDGGSHYLG3RE2FKL
-A KUBE-SERVICES -m comment --comment "default/web:http loadbalancer IP" -m tcp -p tcp -d 198.51.100.4 --dport 80 -j KUBE-FW-CDGGSHYLG3RE2FKL
-A KUBE-NODEPORTS -m comment --comment default/web:http -m tcp -p tcp --dport 30080 -j KUBE-EXT-CDGGSHYLG3RE2FKL
-A KUBE-EXT-CDGGSHYLG3RE2FKL -m comment --comment "pod traffic for default/web:http external destinations" -s 10.244.0.0/16 -j KUBE-SVC-CDGGSHYLG3RE2FKL
-A KUBE-EXT-CDGGSHYLG3RE2FKL -m comment --comment "masquerade LOCAL traffic for default/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-CDGGSHYLG3RE2FKL -m comment --comment "route LOCAL traffic for default/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-CDGGSHYLG3RE2FKL
-A KUBE-EXT-CDGGSHYLG3RE2FKL -j KUBE-SVL-CDGGSHYLG3RE2FKL
-A KUBE-FW-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http loadbalancer IP" -s 203.0.113.0/25 -j KUBE-EXT-CDGGSHYLG3RE2FKL
-A KUBE-FW-CDGGSHYLG3RE2FKL -m comment --comment "other traffic to default/web:http will be dropped by KUBE-PROXY-FIREWALL"
-A KUBE-SVC-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http -> 10.244.1.5:8080" -m recent --name KUBE-SEP-AFGSLHOD2HFNCBX4 --rcheck --seconds 10800 --reap -j KUBE-SEP-AFGSLHOD2HFNCBX4
-A KUBE-SVC-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http -> 10.244.2.6:8080" -m recent --name KUBE-SEP-3OLK2YUW6LHBC4UX --rcheck --seconds 10800 --reap -j KUBE-SEP-3OLK2YUW6LHBC4UX
-A KUBE-SVC-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-AFGSLHOD2HFNCBX4
-A KUBE-SVC-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http -> 10.244.2.6:8080" -j KUBE-SEP-3OLK2YUW6LHBC4UX
-A KUBE-SVL-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http -> 10.244.1.5:8080" -m recent --name KUBE-SEP-AFGSLHOD2HFNCBX4 --rcheck --seconds 10800 --reap -j KUBE-SEP-AFGSLHOD2HFNCBX4
-A KUBE-SVL-CDGGSHYLG3RE2FKL -m comment --comment "default/web:http -> 10.244.1.5:8080" -j KUBE-SEP-AFGSLHOD2HFNCBX4
-A KUBE-SEP-AFGSLHOD2HFNCBX4 -m comment --comment default/web:http -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-AFGSLHOD2HFNCBX4 -m comment --comment default/web:http -m recent --name KUBE-SEP-AFGSLHOD2HFNCBX4 --set -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-3OLK2YUW6LHBC4UX -m comment --comment default/web:http -s 10.244.2.6 -j KUBE-MARK-MASQ
-A KUBE-SEP-3OLK2YUW6LHBC4UX -m comment --comment default/web:http -m recent --name KUBE-SEP-3OLK2YUW6LHBC4UX --set -m tcp -p tcp -j DNAT --to-destination 10.244.2.6:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-I OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-I PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-I POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
COMMIT
`;

const objects = [
  service({
    name: 'web',
    type: 'LoadBalancer',
    clusterIPs: ['172.30.0.41'],
    ports: [{ name: 'http', port: 80, nodePort: 30080 }],
    ingress: [{ ip: '198.51.100.4' }],
    spec: {
      externalIPs: ['192.0.2.4'],
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 32004,
      loadBalancerSourceRanges: ['203.0.113.0/25'],
      sessionAffinity: 'ClientIP',
    },
  }),
  slice({
    of: 'web',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: [
      { address: '10.244.1.5', node: 'node-a' },
      { address: '10.244.2.6', node: 'node-b' },
    ],
  }),
];

function live(text = theirs) {
  const fake = createFakeIptables('IPv4');
  expect(fake.restore(text, { noflush: true })).toEqual({ exitCode: 0, stderr: '' });
  return parseRules(fake.save(), 'IPv4').ruleSet;
}

describe("kube-proxy's own rules", () => {
  it('say the Route that they were made from', () => {
    const { routes, foreign } = readRoutes(live(), 'IPv4', kubeProxyNames);
    expect(foreign).toEqual([]);
    const balance = (over: string, masquerade: boolean) => ({ kind: 'balance', over, masquerade });
    expect([...routes.values()]).toEqual([
      {
        localPods: { kind: 'source-network', cidr: '10.244.0.0/16' },
        route: {
          key: 'default/web:http/tcp',
          name: 'default/web:http',
          family: 'IPv4',
          protocol: 'TCP',
          port: 80,
          endpoints: {
            cluster: [
              { address: '10.244.1.5', port: 8080 },
              { address: '10.244.2.6', port: 8080 },
            ],
            local: [{ address: '10.244.1.5', port: 8080 }],
          },
          clusterIPs: ['172.30.0.41'],
          internal: [
            { source: 'not-local-pods', action: balance('cluster', true) },
            { source: 'any', action: balance('cluster', false) },
          ],
          externalAddresses: [
            { kind: 'external-ip', address: '192.0.2.4', sourceRanges: [], sourceAddresses: [] },
            {
              kind: 'load-balancer',
              address: '198.51.100.4',
              sourceRanges: ['203.0.113.0/25'],
              sourceAddresses: [],
            },
          ],
          nodePort: 30080,
          external: [
            { source: 'local-pods', action: balance('cluster', false) },
            { source: 'node', action: balance('cluster', true) },
            { source: 'any', action: balance('local', false) },
          ],
          affinitySeconds: 10_800,
          healthCheckNodePort: 32004,
        },
      },
    ]);
  });

  it('are taken over without a step while dispatch fits into one chain', () => {
    const { layout } = momentOf(plainSetting, objects);
    expect(finish(planAll(appliedFrom(live()), layout)).steps).toEqual([]);
    expect(finish(compare(layout, live()))).toEqual({ changes: [], drift: [] });
  });

  it('are compared as any others: another endpoint is a change, a foreign rule drift', () => {
    const [web, endpoints] = objects;
    const { layout } = momentOf(plainSetting, [web ?? {}]);
    const change = finish(compare(layout, live()));
    expect(change.drift).toEqual([]);
    expect(change.changes.map(({ service: of, action }) => [of, action])).toEqual([
      ['default/web:http', 'change'],
    ]);
    const tampered = theirs
      .replace('10.244.2.6:8080\nCOMMIT', '10.66.6.6:8080\nCOMMIT')
      .replace('DNAT --to-destination 10.244.2.6:8080', 'DNAT --to-destination 10.66.6.6:8080');
    const drifted = finish(
      compare(momentOf(plainSetting, [web ?? {}, endpoints ?? {}]).layout, live(tampered)),
    );
    expect(drifted.changes).toEqual([]);
    expect(drifted.drift.map(({ chain, service: of }) => [chain, of])).toEqual([
      ['KUBE-SEP-3OLK2YUW6LHBC4UX', 'default/web:http'],
    ]);
  });
});

describe('another configuration of the node', () => {
  const compared = (before: Partial<Setting['settings']>, after: Partial<Setting['settings']>) => {
    const setting = (change: Partial<Setting['settings']>) => ({
      ...plainSetting,
      settings: { ...plainSetting.settings, ...change },
    });
    const { steps } = finish(planAll(nothingApplied, momentOf(setting(before), objects).layout));
    const text = Array.from(restoreLines(steps, 'one'), (line) => `${line.text}\n`).join('');
    const ruleSet = live(text);
    return finish(compare(momentOf(setting(after), objects).layout, ruleSet));
  };

  it('is told by the Services whose traffic it changes', () => {
    const told = compared({}, { detectLocal: { mode: 'BridgeInterface', name: 'cni0' } });
    expect(told.drift).toEqual([]);
    expect(told.changes.map(({ service: of }) => of)).toEqual(['default/web:http']);
  });

  it('is no drift where it is about the whole node', () => {
    const told = compared({}, { masqueradeBit: 3 });
    expect(told.drift).toEqual([]);
    expect(told.changes.map(({ service: of }) => of)).toEqual(['node']);
  });

  it('is not called the same rules in other chains when NodePorts move', () => {
    const told = compared({}, { nodePortAddresses: { kind: 'primary' } });
    expect(told.drift).toEqual([]);
    expect(told.changes.map(({ service: of }) => of)).toEqual(['node']);
    expect(told.changes.flatMap(({ details }) => details).join()).not.toContain('the same rules');
  });
});
