import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Follow, FollowListener } from '../../kernel/follow-program.ts';
import type { Iptables } from '../../kernel/iptables.ts';
import { digestRules } from '../../kernel/rules-digest.ts';
import type { Family } from '../../model/address.ts';
import { silentLog } from '../../observe/log.ts';
import { besideNames, kubeProxyNames } from '../../rules/iptables/names.ts';
import { createDriftWatch } from './watch.ts';

/** A host whose rules are a text, and whose monitor says what it is told to say. */
class FakeHost {
  rules = ':PREROUTING ACCEPT [1:60]\n-A KUBE-SERVICES -j RETURN\n';
  canSave = true;
  saves = 0;
  monitors: FollowListener[] = [];
  hasMonitor = true;
  /** What the last sync knows of the rules. */
  known: string | undefined;
  /** Called while the rules are read. */
  meanwhile: () => void = () => undefined;

  readonly follow: Follow = (_, listener) => {
    this.#startMonitor(listener);
    return () => undefined;
  };

  readonly read: Iptables['read'] = async (take) => {
    this.saves += 1;
    this.meanwhile();
    if (!this.canSave) throw new Error('cannot be read');
    await take(`# Generated on ${this.saves}\n*nat\n${this.rules.slice(0, 40)}`);
    await take(this.rules.slice(40));
  };

  say(line: string): void {
    this.monitors.at(-1)?.text(`${line}\n`);
  }

  commit(process: string, pid: number, ...events: readonly string[]): void {
    for (const event of events) this.say(` EVENT: ${event}`);
    this.say(`NEWGEN: GENID=2 PID=${pid} NAME=${process}`);
  }

  #startMonitor(listener: FollowListener): void {
    this.monitors.push(listener);
    if (!this.hasMonitor) listener.ended({ exitCode: undefined, message: 'spawn setpriv ENOENT' });
  }
}

function setUp(
  variant: 'legacy' | 'nft',
  prepare: (host: FakeHost) => void = () => undefined,
  families: readonly Family[] = ['IPv4'],
  names = kubeProxyNames,
) {
  const clock = new ManualClock();
  const host = new FakeHost();
  prepare(host);
  const verified: { readonly family: Family; readonly at: number }[] = [];
  const compared: number[] = [];
  const watch = createDriftWatch({
    programs: { variant, naming: 'multi', version: '1.8.9' },
    names,
    families,
    follow: host.follow,
    clock,
    log: silentLog,
    verify: async (family) => {
      verified.push({ family, at: clock.now() });
    },
    compare: async () => {
      compared.push(clock.now());
      host.meanwhile();
      return digestRules(host, kubeProxyNames);
    },
    digestOf: () => host.known,
  });
  const opened = (family: Family): Iptables =>
    watch.watched({
      family,
      programs: { variant, naming: 'multi', version: '1.8.9' },
      restore: async () => undefined,
      test: async () => [],
      save: async () => host.rules,
      read: host.read,
    });
  const [iptables = opened('IPv4')] = families.map(opened);
  watch.start();
  return { clock, host, verified, compared, watch, iptables };
}

const deletedRule = '-4 -t nat -D KUBE-SERVICES -d 10.0.0.1/32 -j KUBE-SVC-XPGD46QRK7WJZT7O';

describe('on iptables-nft', () => {
  it('compares soon after another program wrote into our chains, once for what comes together', async () => {
    const { clock, host, verified } = setUp('nft');
    await clock.pass(1000);
    host.commit('nft', 77, deletedRule);
    host.commit('iptables-nft', 78, deletedRule);
    await clock.pass(200);
    expect(verified).toEqual([{ family: 'IPv4', at: 1100 }]);
  });

  it.each([
    ['a deleted table', 'nft: DEL table: table nat ip flags 0 use 0 handle 3', 1],
    ['our jump taken out of a built-in chain', '-4 -t nat -D PREROUTING -j KUBE-SERVICES', 1],
    ['a rule of others in a built-in chain', '-4 -t nat -A PREROUTING -j CNI-HOSTPORT-DNAT', 0],
    ['chains of others', '-4 -t nat -N CNI-HOSTPORT-DNAT', 0],
    ['a family that is not served', '-6 -t nat -D KUBE-SERVICES -j RETURN', 0],
    ['a table of others', '-4 -t foo -D KUBE-SERVICES -j RETURN', 0],
    ['what kubelet owns', '-4 -t mangle -N KUBE-KUBELET-CANARY', 0],
  ])('%s', async (_, event, times) => {
    const { clock, host, verified } = setUp('nft');
    await clock.pass(1000);
    host.commit('nft', 77, event);
    await clock.pass(1000);
    expect(verified).toHaveLength(times);
  });

  it('compares once when it begins, because it has not heard what was written before', async () => {
    const { clock, verified, compared } = setUp('nft');
    await clock.pass(50_000);
    expect(compared).toEqual([4000]);
    expect(verified).toEqual([]);
  });

  it('does not suspect its own writes, of which each claims one writer', async () => {
    const { clock, host, verified, iptables } = setUp('nft');
    await clock.pass(1000);
    await iptables.restore([]);
    host.commit('xtables-nft-mul', 500, deletedRule);
    host.commit('xtables-nft-mul', 500, deletedRule);
    await clock.pass(500);
    expect(verified).toEqual([]);
    host.commit('xtables-nft-mul', 501, deletedRule);
    await clock.pass(500);
    expect(verified).toHaveLength(1);
  });

  it('claims no writer of another kind, and none long after the write', async () => {
    const { clock, host, verified, iptables } = setUp('nft');
    await clock.pass(5000);
    verified.length = 0;
    await iptables.restore([]);
    host.commit('nft', 500, deletedRule);
    await clock.pass(3000);
    expect(verified).toHaveLength(1);
    await iptables.restore([]);
    await clock.pass(3000);
    host.commit('iptables-nft-re', 501, deletedRule);
    await clock.pass(3000);
    expect(verified).toHaveLength(2);
  });

  it('knows the writer of a write that touched no chain of ours, so that the next one is not taken for it', async () => {
    const { clock, host, verified, iptables } = setUp('nft');
    await clock.pass(1000);
    await iptables.restore([]);
    host.commit('xtables-nft-mul', 500, '-4 -t nat -A PREROUTING -j KUBE-SERVICES');
    host.commit('xtables-nft-mul', 501, deletedRule);
    await clock.pass(500);
    expect(verified).toHaveLength(1);
  });

  it('where kube-proxy works as well takes none of its writes for its own, nor for a stranger', async () => {
    const { clock, host, verified, iptables } = setUp('nft', undefined, ['IPv4'], besideNames);
    await clock.pass(1000);
    await iptables.restore([]);
    const rewritten = '-4 -t filter -D KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -j DROP';
    host.commit('xtables-nft-mul', 500, deletedRule, rewritten);
    host.commit('xtables-nft-mul', 501, deletedRule.replaceAll('KUBE-', 'NPLN-'));
    await clock.pass(500);
    expect(verified).toEqual([]);
    host.commit('xtables-nft-mul', 500, deletedRule.replaceAll('KUBE-', 'NPLN-'));
    await clock.pass(500);
    expect(verified).toHaveLength(1);
  });

  it('does not let two programs that undo each other burn a core', async () => {
    const { clock, host, verified } = setUp('nft');
    await clock.pass(1000);
    for (let second = 0; second < 200; second++) {
      host.commit('nft', 77, deletedRule);
      await clock.pass(50);
    }
    expect(verified.length).toBeGreaterThanOrEqual(8);
    expect(verified.length).toBeLessThanOrEqual(11);
  });

  it('starts a monitor again that ended, and compares because it may have missed something', async () => {
    const { clock, host, compared } = setUp('nft');
    await clock.pass(1000);
    host.monitors[0]?.ended({ exitCode: 1, message: 'No buffer space available' });
    await clock.pass(1500);
    expect(host.monitors).toHaveLength(2);
    expect(compared).toEqual([2100]);
  });

  it('goes over to polling where there is no monitor, and tries it ever more seldom', async () => {
    const { clock, host, compared } = setUp('nft', (fake) => {
      fake.hasMonitor = false;
    });
    await clock.pass(20_000);
    expect(host.saves).toBeGreaterThanOrEqual(4);
    expect(compared).toHaveLength(1);
    await clock.pass(3_600_000);
    expect(host.monitors.length).toBeLessThan(70);
  });
});

describe('IPv6 on iptables-nft, of which the monitor tells only that something was written', () => {
  it.each([
    ['nothing that is told', 'ip6tables-nft', []],
    ['a program that writes both families', 'nft', ['nft: DEL table: table bar ip flags 0 use 0 handle 4']],
  ])('looks soon after %s', async (_, process, events) => {
    const { clock, host, compared } = setUp('nft', undefined, ['IPv6']);
    await clock.pass(70_000);
    compared.length = 0;
    const { saves } = host;
    host.commit(process, 77, ...events);
    await clock.pass(500);
    expect(host.saves).toBe(saves + 1);
    expect(compared).toEqual([]);
    host.rules = '';
    await clock.pass(2000);
    host.commit(process, 77, ...events);
    await clock.pass(500);
    expect(compared).toHaveLength(1);
  });

  it('does not look after what a program of IPv4 told, nor after a write of its own', async () => {
    const { clock, host, iptables } = setUp('nft', undefined, ['IPv6']);
    await clock.pass(5000);
    const { saves } = host;
    host.commit('iptables-nft-re', 77, deletedRule);
    await iptables.restore([]);
    host.commit('xtables-nft-mul', 78);
    await clock.pass(5000);
    expect(host.saves).toBe(saves);
  });

  it('looks seldom however much is written', async () => {
    const { clock, host } = setUp('nft', undefined, ['IPv6']);
    await clock.pass(5000);
    const { saves } = host;
    for (let write = 0; write < 200; write++) {
      host.commit('nft', 77);
      await clock.pass(50);
    }
    expect(host.saves - saves).toBeLessThanOrEqual(11);
    expect(host.saves - saves).toBeGreaterThanOrEqual(8);
  });
});

describe('on iptables-legacy', () => {
  it('compares once and then only looks at a digest', async () => {
    const { clock, host, compared } = setUp('legacy');
    await clock.pass(60_000);
    expect(host.saves).toBeGreaterThanOrEqual(14);
    expect(compared).toHaveLength(1);
    host.rules = host.rules.replace('[1:60]', '[500:30000]');
    await clock.pass(60_000);
    expect(compared).toHaveLength(1);
  });

  it('compares nothing that a sync has read and found as it should be', async () => {
    const { clock, host, compared } = setUp('legacy');
    host.known = await digestRules(host, kubeProxyNames);
    await clock.pass(60_000);
    expect(compared).toEqual([]);
    host.rules = '';
    await clock.pass(5000);
    expect(compared).toHaveLength(1);
  });

  it('compares when the rules have changed', async () => {
    const { clock, host, compared } = setUp('legacy');
    await clock.pass(60_000);
    host.rules = ':PREROUTING ACCEPT [1:60]\n';
    await clock.pass(5000);
    expect(compared).toHaveLength(2);
  });

  it('compares after a write of its own, because the digest is not known then', async () => {
    const { clock, compared, iptables } = setUp('legacy');
    await clock.pass(60_000);
    await iptables.restore([]);
    await clock.pass(20_000);
    expect(compared).toHaveLength(2);
  });

  it('compares at each look while we write all the time', async () => {
    const { clock, host, compared, iptables } = setUp('legacy');
    host.meanwhile = () => void iptables.restore([]);
    await clock.pass(15_500);
    expect(compared).toEqual([4000, 8000, 12_000]);
  });

  it('compares when the rules cannot be read, which tells why', async () => {
    const { clock, host, compared } = setUp('legacy');
    await clock.pass(20_000);
    host.canSave = false;
    await clock.pass(5000);
    expect(compared).toHaveLength(2);
  });

  it('waits for nothing once it is stopped', async () => {
    const { clock, host, watch } = setUp('legacy');
    await clock.pass(10_000);
    watch.stop();
    const { saves } = host;
    await clock.pass(60_000);
    expect(host.saves).toBe(saves);
    expect(clock.waiting).toBe(0);
  });
});
