// What nodeplane tells before it changes anything: the real kube-proxy at work, and permissions that are missing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { CommandResult } from '../../src/kernel/exec.ts';
import { bundle } from '../cli/nodeplane.ts';
import { type Json, node, service } from '../conformance/objects.ts';
import { canMakeWorlds } from '../netns/can-make-worlds.ts';
import { agentFlags, startAgent } from './agent.ts';
import type { Component } from './component.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { hostOf } from './host.ts';
import { makeKubeProxy } from './kube-proxy.ts';
import { type ClusterNetwork, createClusterNetwork } from './network/network.ts';
import { until } from './until.ts';

const possible = await canMakeWorlds();
const plan = { name: 'node-2', variant: 'nft' } as const;
const synced = 'kubeproxy_sync_proxy_rules_last_timestamp_seconds';
const shippedRights = join(import.meta.dirname, '../../deploy/kustomize/base/rbac.yaml');

if (possible.ok) describe('before anything is changed', checks);
else it('before anything is changed', (context) => context.skip(possible.reason));

function checks(): void {
  let network: ClusterNetwork;
  let plane: ControlPlane;
  let flags: readonly string[];

  beforeAll(async () => {
    network = await createClusterNetwork([plan.name]);
    plane = await startControlPlane(hostOf(network, 'control-plane'));
    await plane.api.create(node({ name: plan.name, addresses: [network.address(plan.name, 'IPv4')] }));
    await plane.api.create(service({ name: 'web', clusterIPs: [], ports: [{ port: 80 }] }));
    flags = ['--kubeconfig', await plane.agentKubeconfig(plan.name), ...agentFlags(plan.name)];
  });
  afterAll(async () => {
    await plane?.close();
    await network?.close();
  });
  beforeEach(() => onTestFailed(() => console.error(plane.lastWords(10))));

  function run(...argv: [string, ...string[]]): Promise<CommandResult> {
    return network.exec(plan.name)({ argv, timeoutMilliseconds: 60_000 });
  }

  function nodeplane(verb: string, ...more: readonly string[]): Promise<CommandResult> {
    return run(process.execPath, bundle, verb, ...flags, ...more);
  }

  /** Rules of all kinds and settings that nodeplane would change. */
  async function kernel(): Promise<string> {
    const script = `for v in nft legacy; do for f in iptables ip6tables; do $f-$v-save | grep -v '^[#:]'; done; done
      cat /proc/sys/net/ipv4/conf/all/route_localnet; cat /proc/sys/net/netfilter/nf_conntrack_tcp_* 2>/dev/null`;
    const { stdout } = await run('sh', '-c', script);
    return stdout;
  }

  describe('kube-proxy', () => {
    let proxy: Component;
    beforeAll(async () => {
      proxy = await makeKubeProxy(network, plane, plan);
      proxy.start();
      await until(
        () => `kube-proxy has written rules: ${proxy.lines.slice(-10).join('\n')}`,
        30_000,
        async () => (await kernel()).includes('default/web'),
      );
    });
    afterAll(() => proxy?.stop('SIGKILL'));

    it.each(['check', 'apply', 'run', 'run --init-only'])('is named and refused: %s', async (words) => {
      const [verb = '', ...more] = words.split(' ');
      const before = await kernel();
      const { exitCode, stdout, stderr } = await nodeplane(verb, ...more);
      const said = `${stdout}${stderr}`.replaceAll('\n  ', ' ');
      expect(said).toMatch(/error NP-CHECK-002: kube-proxy works on this node \(process \d+, http:/);
      expect(said).toContain('http://127.0.0.1:10249');
      expect(said).toContain('http://127.0.0.1:10256');
      expect(said).toContain('mode iptables)');
      expect(said).toContain('kubectl -n kube-system delete daemonset kube-proxy');
      expect(exitCode).toBe(1);
      expect(await kernel()).toBe(before);
    });

    it('keeps its rules: cleanup refuses too', async () => {
      const before = await kernel();
      const { exitCode, stderr } = await run(process.execPath, bundle, 'cleanup');
      expect(stderr).toContain('error NP-CHECK-002');
      expect(exitCode).toBe(1);
      expect(await kernel()).toBe(before);
    });

    it('is named by its doors where its process cannot be seen, as in a pod', async () => {
      const argv = [process.execPath, bundle, 'check', ...flags, '--output', 'json'];
      const { exitCode, stdout } = await run('unshare', '--pid', '--fork', '--mount-proc', ...argv);
      expect(exitCode).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        findings: [
          { severity: 'error', code: 'NP-CHECK-002', message: expect.not.stringContaining('process') },
        ],
      });
    });

    it('of another network namespace does not count', async () => {
      const argv = [process.execPath, bundle, 'check', '--manifests', '/nowhere'] as const;
      const { stdout } = await run('unshare', '--net', ...argv);
      expect(stdout).toBe('nothing stands in the way\n');
    });

    it('is ignored when it is to be', async () => {
      const { exitCode, stdout, stderr } = await nodeplane('apply', '--kube-proxy', 'ignore');
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining('goes on beside another proxy'),
      });
      expect(stdout).toMatch(/^IPv4: /);
    });

    it('is waited for: its rules are taken over soon after its end, and what it left does not count', async () => {
      const agent = await startAgent(network, plane, plan.name, ['--kube-proxy', 'wait']);
      try {
        const says = (text: string) => agent.process.lines.some((line) => line.includes(text));
        const told = 'waits until another proxy is gone';
        await until(
          () => told,
          20_000,
          async () => says(told),
        );
        const before = await kernel();
        await proxy.stop('SIGKILL');
        expect(await kernel()).toBe(before);
        const ended = performance.now();
        await until(
          () => `the first sync\n${agent.process.lines.slice(-20).join('\n')}`,
          // Usually one second; the machine may be busy.
          15_000,
          async () => ((await agent.metric(`${synced}{ip_family="IPv6"}`).catch(() => 0)) ?? 0) > 0,
        );
        console.log(`taken over ${Math.round(performance.now() - ended)} ms after the end of kube-proxy`);
        expect((await nodeplane('diff')).stdout).toBe('nothing to change\n');
      } finally {
        await agent.close();
      }
      expect((await nodeplane('check')).stdout).toBe('nothing stands in the way\n');
    });

    it('another nodeplane is named instead', async () => {
      const agent = await startAgent(network, plane, plan.name);
      try {
        await until(
          () => 'its health door answers',
          20_000,
          async () => (await agent.health('/livez').catch(() => undefined))?.status === 200,
        );
        const { exitCode, stderr } = await nodeplane('apply');
        expect({ exitCode, stderr }).toMatchObject({
          exitCode: 1,
          stderr: expect.stringContaining('error NP-CHECK-003: Another nodeplane works on this node'),
        });
        expect(stderr).not.toContain('NP-CHECK-002');
      } finally {
        await agent.close();
      }
      expect((await nodeplane('apply')).exitCode).toBe(0);
    });
  });

  describe('permissions that are missing', () => {
    let rights: Json;
    beforeAll(async () => {
      const documents = parseAllDocuments(await readFile(shippedRights, 'utf8'));
      const objects: readonly Json[] = documents.map((document) => document.toJS());
      rights = objects.find(({ kind }) => kind === 'ClusterRole') ?? {};
    });
    afterAll(() => plane.api.apply(rights));

    const poorer = async () => {
      const rules = [
        { apiGroups: [''], resources: ['services', 'nodes'], verbs: ['list'] },
        { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: ['list', 'watch'] },
        { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
      ];
      await plane.api.apply({ ...rights, rules });
      await until(
        () => 'the API server knows',
        10_000,
        async () => (await nodeplane('check')).exitCode === 1,
      );
    };

    it.each(['check', 'apply', 'diff', 'run --init-only'])(
      'are told all at once, with the rules to add: %s',
      async (words) => {
        const [verb = '', ...more] = words.split(' ');
        await poorer();
        const before = await kernel();
        const { exitCode, stdout, stderr } = await nodeplane(verb, ...more);
        const said = `${stdout}${stderr}`;
        const rules = [
          '    - apiGroups: [""]\n      resources: [services]\n      verbs: [watch]\n',
          '    - apiGroups: [discovery.k8s.io]\n      resources: [endpointslices]\n      verbs: [list, watch]\n',
          '    - apiGroups: [""]\n      resources: [nodes]\n      verbs: [watch]\n',
        ];
        for (const rule of rules) expect(said).toContain(rule);
        const line = said.replaceAll('\n  ', ' ');
        expect(line).toContain('error NP-CHECK-004: The account system:serviceaccount:kube-system:nodeplane');
        expect(line).toContain('--serviceaccount=kube-system:nodeplane');
        expect(exitCode).toBe(verb === 'diff' ? 2 : 1);
        expect(await kernel()).toBe(before);
      },
    );

    it('are told by run, which writes nothing until they are granted', async () => {
      await poorer();
      await network.flush(plan.name);
      const before = await kernel();
      const agent = await startAgent(network, plane, plan.name);
      const { process } = agent;
      const lines = (text: string) => process.lines.filter((line) => line.includes(text));
      try {
        await until(
          () => `NP-CHECK-004\n${process.lines.slice(-20).join('\n')}`,
          20_000,
          async () => lines('NP-CHECK-004').length > 0,
        );
        expect(await kernel()).toBe(before);
        await plane.api.apply(rights);
        await until(
          () => `the first sync\n${process.lines.slice(-20).join('\n')}`,
          60_000,
          async () => lines('"msg":"synced"').length > 0,
        );
        expect(lines('NP-CHECK-004')).toHaveLength(1);
      } finally {
        await agent.close();
      }
    });
  });

  it('an API server that is away is a warning, and one line of the log', async () => {
    await plane.apiServer.stop('SIGKILL');
    try {
      const { exitCode, stdout } = await nodeplane('check');
      expect({ exitCode, stdout }).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('warning NP-API-002'),
      });
      const agent = network.start(plan.name, [process.execPath, bundle, 'run', ...flags]);
      const said = (text: string) => agent.lines.filter((line) => line.includes(text));
      await until(
        () => 'it is told',
        20_000,
        async () => said('cannot be watched').length > 0,
      );
      // All four have failed by then: a list is tried again after a second.
      await setTimeout(3000);
      expect(said('cannot be watched')).toHaveLength(1);
      plane.apiServer.start();
      await plane.ready();
      const kinds = ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'];
      await until(
        () => `all of them again\n${agent.lines.slice(-20).join('\n')}`,
        60_000,
        async () => kinds.every((kind) => said('answers again').some((line) => line.includes(`"${kind}"`))),
      );
      await agent.stop();
    } finally {
      if (!plane.apiServer.running) plane.apiServer.start();
      await plane.ready();
    }
  });
}
