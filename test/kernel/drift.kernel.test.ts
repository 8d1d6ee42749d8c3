import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startMonitor } from '../../src/agent/drift/monitor.ts';
import { systemClock } from '../../src/clock.ts';
import { type Exec, exec } from '../../src/kernel/exec.ts';
import { type Follow, follow } from '../../src/kernel/follow-program.ts';
import { createIptables } from '../../src/kernel/iptables.ts';
import type { IptablesVariant } from '../../src/kernel/iptables-programs.ts';
import type { RuleTransaction } from '../../src/kernel/rule-events.ts';
import { digestRules } from '../../src/kernel/rules-digest.ts';
import { besideNames, kubeProxyNames } from '../../src/rules/iptables/names.ts';
import { type Namespace, openNamespace } from './namespace.ts';

let namespace: Namespace;
let inside: Follow;

beforeEach(async () => {
  namespace = await openNamespace();
  inside = (argv, listener) => follow([...namespace.enter, ...argv], listener);
});

afterEach(() => namespace.close());

const patience = { timeout: 10_000, interval: 20 };

describe('xtables-monitor', () => {
  const heard: RuleTransaction[] = [];
  let stop: () => void;

  beforeEach(async () => {
    heard.length = 0;
    const ended = vi.fn();
    const monitor = startMonitor({
      follow: inside,
      names: kubeProxyNames,
      clock: systemClock,
      committed: (transaction) => heard.push(transaction),
      ended,
      missed: () => undefined,
    });
    stop = () => monitor.stop();
    await expect.poll(monitor.listening, patience).toBe(true);
    expect(ended).not.toHaveBeenCalled();
  });

  afterEach(() => stop());

  it('tells who writes into our chains, whatever the program', async () => {
    await namespace.script(
      'iptables-nft -t nat -N KUBE-SERVICES; iptables-nft -t nat -A KUBE-SERVICES -j RETURN',
    );
    const services = { family: 'IPv4', table: 'nat', chain: 'KUBE-SERVICES' };
    await expect.poll(() => heard.map(({ touched }) => touched), patience).toEqual([[services], [services]]);
    expect(heard[0]).toMatchObject({
      process: expect.stringMatching(/^(?:x|ip)tables-nft/),
      pid: expect.any(Number),
    });
    await namespace.script('nft flush chain ip nat KUBE-SERVICES');
    await expect.poll(() => heard[2], patience).toMatchObject({ process: 'nft', touched: [services] });
  });

  it('tells of a jump taken out, of a deleted table', async () => {
    await namespace.script(
      'iptables-nft -N KUBE-FORWARD; iptables-nft -I FORWARD -j KUBE-FORWARD; iptables-nft -D FORWARD -j KUBE-FORWARD',
    );
    const forward = { family: 'IPv4', table: 'filter', chain: 'FORWARD' };
    await expect.poll(() => heard.at(-1)?.touched, patience).toEqual([forward]);
    await namespace.script('nft delete table ip filter');
    const table = { family: 'IPv4', table: 'filter', chain: undefined };
    await expect.poll(() => heard.at(-1)?.touched, patience).toContainEqual(table);
  });

  it('tells of IPv6 only that something was written, and outlives rules with ports', async () => {
    await namespace.script(
      'ip6tables-nft -N KUBE-FORWARD; ip6tables-nft -A KUBE-FORWARD -p tcp --dport 80 -j RETURN; iptables-nft -N KUBE-FORWARD',
    );
    const forward = { family: 'IPv4', table: 'filter', chain: 'KUBE-FORWARD' };
    await expect
      .poll(() => heard.map(({ events, touched }) => ({ told: events > 0, touched })), patience)
      .toEqual([
        { told: false, touched: [] },
        { told: false, touched: [] },
        { told: true, touched: [forward] },
      ]);
  });

  it('is silent about what is not ours', async () => {
    await namespace.script(
      'iptables-nft -t nat -N CNI-X; iptables-nft -t nat -A PREROUTING -j CNI-X; nft add table inet other; iptables-nft -t mangle -N KUBE-KUBELET-CANARY',
    );
    await expect.poll(() => heard.length, patience).toBe(4);
    expect(heard.flatMap(({ touched }) => touched)).toEqual([]);
  });
});

describe.each<IptablesVariant>(['legacy', 'nft'])('the digest of the rules in iptables-%s', (variant) => {
  const programs = { variant, naming: 'multi', version: '1.8.9' } as const;
  const digest = async (names = kubeProxyNames) =>
    digestRules(createIptables({ exec: namespace.exec, programs, family: 'IPv4' }), names);

  it('is the same until a rule changes, whatever is counted', async () => {
    const iptables = `xtables-${variant}-multi iptables`;
    await namespace.script(
      `ip link set lo up; ${iptables} -t nat -N KUBE-SERVICES; ${iptables} -I OUTPUT -j ACCEPT; ${iptables} -t nat -A KUBE-SERVICES -j RETURN`,
    );
    const before = await digest();
    expect(before).toMatch(/^[\w+/]{43}=$/);
    await namespace.script('bash -c "echo x > /dev/udp/127.0.0.1/9"');
    expect(await digest()).toBe(before);
    await namespace.script(`${iptables} -t nat -F KUBE-SERVICES`);
    expect(await digest()).not.toBe(before);
  });

  it('is of our own lines only where kube-proxy works as well', async () => {
    const iptables = `xtables-${variant}-multi iptables`;
    const ours = () => digest(besideNames);
    await namespace.script(
      `${iptables} -t nat -N NPLN-SERVICES; ${iptables} -t nat -A NPLN-SERVICES -j RETURN; ${iptables} -t nat -I OUTPUT -j NPLN-SERVICES`,
    );
    const before = await ours();
    await namespace.script(
      `${iptables} -t nat -N KUBE-SERVICES; ${iptables} -t nat -A KUBE-SERVICES -m comment --comment "a NPLN- b" -j RETURN; ${iptables} -t nat -A OUTPUT -j KUBE-SERVICES`,
    );
    expect(await ours()).toBe(before);
    const digests = [before];
    for (const change of [
      '-t nat -F NPLN-SERVICES',
      '-t nat -D OUTPUT -j NPLN-SERVICES',
      '-t nat -X NPLN-SERVICES',
      '-N KUBE-FIREWALL',
      '-A INPUT -j KUBE-FIREWALL',
      '-A KUBE-FIREWALL -j RETURN',
    ]) {
      await namespace.script(`${iptables} ${change}`);
      const now = await ours();
      if (change !== '-N KUBE-FIREWALL') expect(digests, change).not.toContain(now);
      digests.push(now);
    }
  });
});

it('there is no digest where the program fails', async () => {
  const programs = { variant: 'nft', naming: 'multi', version: '1.8.9' } as const;
  const failing: Exec = async (command) => exec({ ...command, argv: ['/nonexistent'] });
  expect(
    await digestRules(createIptables({ exec: failing, programs, family: 'IPv4' }), kubeProxyNames),
  ).toBeUndefined();
});
