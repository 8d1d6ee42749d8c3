import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/kernel/exec.ts';
import { type Json, node, service, slice } from '../conformance/objects.ts';
import { type Namespace, openNamespace } from '../kernel/namespace.ts';
import { createManifests, type Manifests, nodeplane } from './nodeplane.ts';

describe.each(['legacy', 'nft'] as const)('with iptables-%s', (variant) => {
  let namespace: Namespace;
  let manifests: Manifests;

  beforeEach(async () => {
    [namespace, manifests] = await Promise.all([openNamespace(), createManifests()]);
    await namespace.script('ip link set lo up');
    await manifests.write('shop.json', shop(['10.244.1.11', '10.244.1.12', '10.244.2.11']));
  });
  afterEach(async () => {
    await Promise.all([namespace.close(), manifests.remove()]);
  });

  const run = (verb: string, ...more: readonly string[]): Promise<CommandResult> => {
    const source = verb === 'cleanup' ? [] : ['--manifests', manifests.directory, '--node', 'node-a'];
    return nodeplane(namespace.exec, verb, ...source, '--iptables-variant', variant, ...more);
  };
  const save = async (): Promise<string> => {
    const names = [`iptables-${variant}-save`, `ip6tables-${variant}-save`];
    return namespace.script(names.map((name) => `${name} | sed '/^#/d'`).join('\n'));
  };

  it('diff tells, apply does, and then there is nothing to change', async () => {
    const before = await run('diff');
    expect(before.exitCode, before.stderr).toBe(1);
    expect(before.stdout).toContain('+ default/web:http');
    expect(await save()).not.toContain('KUBE-');

    const first = await run('apply');
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stdout).toMatch(/^IPv4: 2 services, \d+ steps, \d+ lines, \d+ ms\n/);
    const rules = await save();

    const second = await run('apply');
    expect(second.stdout).toBe('IPv4: nothing to change\nIPv6: nothing to change\n');
    expect(await save()).toBe(rules);
    const after = await run('diff');
    expect(after).toMatchObject({ exitCode: 0, stdout: 'nothing to change\n' });
  });

  it('diff after one changed endpoint prints exactly that Service', async () => {
    await run('apply');
    await manifests.write('shop.json', shop(['10.244.1.11', '10.244.1.12', '10.244.1.13', '10.244.2.11']));
    const text = await run('diff');
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toBe(
      '~ default/web:http  172.30.0.41:80/tcp  3 → 4 endpoints\n0 to add, 1 to change, 0 to remove, 0 drifted\n',
    );
    const json: unknown = JSON.parse((await run('diff', '--output', 'json')).stdout);
    expect(json).toMatchObject({
      changes: [
        { service: 'default/web:http', action: 'change', before: { endpoints: 3 }, after: { endpoints: 4 } },
      ],
      drift: [],
      summary: { add: 0, change: 1, remove: 0, drift: 0 },
    });
    expect((await run('diff', '--detailed-exitcode')).exitCode).toBe(2);
  });

  it('a Service that is gone is told as removed, and removed', async () => {
    await run('apply');
    await manifests.write('shop.json', shop(['10.244.1.11', '10.244.1.12', '10.244.2.11']).slice(0, 3));
    const told = await run('diff');
    expect(told.stdout).toMatch(/^- default\/dns:dns {2}172.30.0.10:53\/udp/);
    await run('apply');
    expect(await save()).not.toContain('default/dns');
    expect((await run('diff')).exitCode).toBe(0);
  });

  it.each([
    [
      'a foreign rule in front of the Services',
      'iptables-V -t nat -I KUBE-SERVICES -s 192.0.2.1 -j RETURN',
      'KUBE-SERVICES',
    ],
    ['a chain that was emptied', 'iptables-V -t nat -F KUBE-MARK-MASQ', 'KUBE-MARK-MASQ'],
    ['a jump that was taken away', 'iptables-V -t nat -D PREROUTING 1', 'PREROUTING'],
    ['a table that was flushed', 'iptables-V -t nat -F', 'KUBE-SERVICES'],
  ])('%s is drift, and apply repairs it', async (_, command, chain) => {
    await run('apply');
    const rules = await save();
    await namespace.script(command.replaceAll('-V', `-${variant}`));
    const told = await run('diff', '--output', 'json');
    const { drift }: { drift: { chain: string }[] } = JSON.parse(told.stdout);
    expect(drift.map((each) => each.chain)).toContain(chain);
    expect(told.exitCode).toBe(1);
    await run('apply');
    expect(sorted(await save())).toEqual(sorted(rules));
    expect((await run('diff')).exitCode).toBe(0);
  });

  it('rules of others stay, through apply, changes and cleanup', async () => {
    const foreign = [
      `iptables-${variant} -t nat -N OTHERS`,
      `iptables-${variant} -t nat -A OTHERS -s 192.0.2.0/24 -j RETURN`,
      `iptables-${variant} -t nat -A POSTROUTING -j OTHERS`,
      `iptables-${variant} -t mangle -N KUBE-KUBELET-CANARY`,
      `iptables-${variant} -A INPUT -p tcp --dport 22 -j ACCEPT`,
    ];
    await namespace.script(foreign.join('\n'));
    const before = await save();
    await run('apply');
    await manifests.write('shop.json', shop([]));
    await run('apply');
    const cleaned = await run('cleanup', '--output', 'json');
    expect(cleaned.exitCode, cleaned.stderr).toBe(0);
    const left = (await save()).split('\n').filter((line) => !line.includes('KUBE-FIREWALL'));
    for (const line of before.split('\n')) if (line.startsWith('-A')) expect(left).toContain(line);
    expect(left.filter((line) => line.includes('KUBE-'))).toEqual([':KUBE-KUBELET-CANARY - [0:0]']);
  });

  it('render is what an empty kernel would get, and iptables-restore takes it', async () => {
    const { stdout } = await run('render', '--family', 'ipv4');
    await namespace.exec({
      argv: [`iptables-${variant}-restore`, '--noflush'],
      stdin: [stdout],
      timeoutMilliseconds: 10_000,
    });
    expect((await run('diff', '--family', 'ipv4')).stdout).toBe('nothing to change\n');
    expect(stdout).toBe((await run('render', '--family', 'ipv4')).stdout);
  });

  it('broken and hostile objects are findings, and never stop the others', async () => {
    await manifests.writeText('broken.yaml', 'apiVersion: v1\nkind: Service\nmetadata: {name: [\n');
    await manifests.write('hostile.json', [
      service({ name: 'evil"; touch /tmp/pwned', clusterIPs: ['172.30.0.66'], ports: [{ port: 80 }] }),
      service({ name: 'a\n-A KUBE-SERVICES -j DROP', clusterIPs: ['172.30.0.67'], ports: [{ port: 80 }] }),
      service({ name: 'x'.repeat(253), clusterIPs: ['172.30.0.68'], ports: [{ port: 80 }] }),
      service({ name: 'port', clusterIPs: ['172.30.0.69'], ports: [{ port: 70000 }] }),
      slice({
        of: 'web',
        suffix: 'host',
        family: 'IPv4',
        ports: [{ name: 'http', port: 80 }],
        endpoints: [{ address: 'example.com' }],
      }),
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
    ]);
    const done = await run('apply');
    expect(done.exitCode, done.stderr).toBe(0);
    for (const code of ['NP-SOURCE-001', 'NP-OBJECT-001', 'NP-OBJECT-002', 'NP-OBJECT-004']) {
      expect(done.stderr).toContain(code);
    }
    expect(done.stderr).toMatch(/broken\.yaml:\d+:\d+/);
    const rules = await save();
    expect(rules).toContain('default/web:http cluster IP');
    for (const address of ['172.30.0.66', '172.30.0.67', '172.30.0.68', '172.30.0.69'])
      expect(rules).not.toContain(address);
  });

  it('without CAP_NET_ADMIN it says so and changes nothing', async () => {
    const bare = [
      'setpriv',
      '--bounding-set',
      '-net_admin',
      '--inh-caps',
      '-net_admin',
      process.execPath,
    ] as const;
    const { bundle } = await import('./nodeplane.ts');
    const flags = ['--manifests', manifests.directory, '--node', 'node-a', '--iptables-variant', variant];
    const argv = [...bare, bundle, 'apply', ...flags] as const;
    const refused = await namespace.exec({ argv, timeoutMilliseconds: 30_000 });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('NP-KERNEL-002');
    expect(await save()).not.toContain('KUBE-SERVICES');
  });
});

function sorted(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\[\d+:\d+\]/, ''))
    .sort();
}

function shop(endpoints: readonly string[]): readonly Json[] {
  return [
    node({ name: 'node-a', addresses: ['192.168.50.11'] }),
    service({ name: 'web', clusterIPs: ['172.30.0.41'], ports: [{ name: 'http', port: 80 }] }),
    slice({
      of: 'web',
      family: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: endpoints.map((address) => ({ address })),
    }),
    service({
      name: 'dns',
      clusterIPs: ['172.30.0.10'],
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    }),
    slice({
      of: 'dns',
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
      endpoints: [{ address: '10.244.1.53' }],
    }),
  ];
}
