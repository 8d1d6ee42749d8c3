import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bed, tell, until, variants } from './bed.ts';
import { Churn } from './churn.ts';
import { dual } from './objects.ts';
import { rulesOf } from './rules.ts';

/** Rules of iptables-legacy are looked at every four seconds; the rest is for a machine that has other work. */
const repairedMilliseconds = 15_000;

describe.each(variants)('promise 7 with iptables-%s', (variant) => {
  let bed: Bed;
  let wanted: string;
  const iptables = (...args: readonly string[]) =>
    bed.run(`iptables-${variant}`, '-w', '10', '-t', 'nat', ...args);
  const shell = async (script: string) => {
    const { exitCode, stderr } = await bed.run('sh', '-ec', script);
    expect(exitCode, stderr).toBe(0);
  };
  const drifts = () => bed.agent.metric('nodeplane_drift_total');

  beforeAll(async () => {
    bed = await Bed.open({
      variant,
      objects: [
        ...dual({ name: 'web', vip: 1, pods: ['p1', 'r1'] }),
        ...dual({ name: 'door', vip: 2, pods: ['p2'], type: 'NodePort', nodePort: 30_080 }),
      ],
    });
    await bed.start();
    await bed.untilServed(1, ['p1', 'r1']);
    await iptables('-N', 'FOREIGN');
    await iptables('-A', 'FOREIGN', '-d', '192.0.2.98', '-j', 'RETURN');
    await iptables('-I', 'PREROUTING', '1', '-d', '192.0.2.99', '-j', 'FOREIGN');
    await bed.untilConverged();
    wanted = await rulesOf(bed);
  });
  afterAll(async () => bed.close());

  /** Does something to the rules, and waits until they are as before. */
  async function repairs(fault: string, harm: () => Promise<unknown>, after = () => wanted): Promise<void> {
    const before = await drifts();
    await harm();
    let last = '';
    const milliseconds = await until(
      () => `rules as before after ${fault}; now\n${last}${bed.tail()}`,
      repairedMilliseconds,
      async () => {
        last = await rulesOf(bed);
        return last === after();
      },
    );
    tell(`iptables-${variant}, ${fault}`, { repairedMs: Math.round(milliseconds) });
    await until(
      () => `drift counted after ${fault}${bed.tail()}`,
      2000,
      async () => (await drifts()) > before,
    );
  }

  it('repairs a deleted rule and leaves the rules of others where they are', async () => {
    await repairs('a rule deleted', () => iptables('-D', 'KUBE-SERVICES', '1'));
    expect(bed.agent.entries('somebody else changed our rules').length).toBeGreaterThan(0);
    expect((await iptables('-S', 'PREROUTING', '1')).stdout).toContain('-j FOREIGN');
  });

  it('repairs a deleted jump of a built-in chain', async () => {
    const { stdout } = await iptables('-S', 'OUTPUT');
    const jump = stdout.split('\n').findIndex((line) => line.includes('-j KUBE-SERVICES'));
    await repairs('a jump deleted', () => iptables('-D', 'OUTPUT', String(jump)));
  });

  it('repairs a deleted rule of IPv6, also after a change of IPv6', async () => {
    const remove = () => bed.run(`ip6tables-${variant}`, '-w', '10', '-t', 'nat', '-D', 'KUBE-SERVICES', '1');
    await repairs('a rule of IPv6 deleted', remove);
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p1', 'p2', 'r1'] }));
    await bed.untilServed(1, ['p1', 'p2', 'r1'], 10_000, { family: 'IPv6' });
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p1', 'r1'] }));
    await until(
      () => `rules as before${bed.tail()}`,
      repairedMilliseconds,
      async () => (await rulesOf(bed)) === wanted,
    );
    await repairs('a rule of IPv6 deleted after a change of IPv6', remove);
    await repairs('a rule deleted after a change of IPv6', () => iptables('-D', 'KUBE-SERVICES', '1'));
  });

  it('repairs a deleted chain', async () => {
    const { stdout } = await iptables('-S');
    const rule =
      stdout.split('\n').find((line) => line.startsWith('-A KUBE-SVC') && line.includes('-j KUBE-SEP')) ?? '';
    const chain = /-j (KUBE-SEP-\S+)/.exec(rule)?.[1] ?? '';
    const referring = rule.split(' ')[1] ?? '';
    await repairs('a chain deleted', () =>
      shell(
        `printf '*nat\\n-F ${referring}\\n-F ${chain}\\n-X ${chain}\\nCOMMIT\\n' | iptables-${variant}-restore --noflush -w 10`,
      ),
    );
  });

  it('repairs after an old state has been restored over a new one', async () => {
    await shell(`iptables-${variant}-save > /run/old`);
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p3'] }));
    await bed.untilServed(1, ['p3']);
    await bed.untilConverged();
    const fresh = await rulesOf(bed);
    await repairs(
      'an old state restored',
      () => shell(`iptables-${variant}-restore -w 10 < /run/old`),
      () => fresh,
    );
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p1', 'r1'] }));
    await bed.untilServed(1, ['p1', 'r1']);
    await bed.untilConverged();
    wanted = await rulesOf(bed);
  });

  it('repairs a whole table flushed, with what others had in it gone', async () => {
    const own = (text: string) =>
      text
        .split('\n')
        .filter((line) => !line.includes('FOREIGN'))
        .join('\n');
    const before = await drifts();
    await iptables('-F');
    await iptables('-X');
    const began = performance.now();
    await until(
      () => bed.tail(),
      repairedMilliseconds,
      async () => own(await rulesOf(bed)) === own(wanted),
    );
    tell(`iptables-${variant}, nat flushed`, { repairedMs: Math.round(performance.now() - began) });
    await until(
      () => 'drift counted',
      2000,
      async () => (await drifts()) > before,
    );
    wanted = await rulesOf(bed);
  });

  it('repairs after everything is gone', async () => {
    const flush =
      variant === 'nft'
        ? 'nft flush ruleset'
        : "for t in nat filter mangle; do printf '*%s\\nCOMMIT\\n' $t | iptables-legacy-restore; printf '*%s\\nCOMMIT\\n' $t | ip6tables-legacy-restore; done";
    await repairs('ruleset flushed', () => shell(flush));
    expect(await bed.answers(1)).toBe('p1,r1');
  });

  it('repairs while the cluster changes all the time', async () => {
    const churn = new Churn(bed.api, { seed: 7, pauseMilliseconds: 50 });
    const times: Record<string, number[]> = { iptables: [], ip6tables: [] };
    for (const program of ['iptables', 'ip6tables', 'iptables', 'ip6tables']) {
      const nat = (...args: readonly string[]) =>
        bed.run(`${program}-${variant}`, '-w', '10', '-t', 'nat', ...args);
      const nodePorts = async () => (await nat('-S', 'KUBE-NODEPORTS')).stdout;
      const whole = await nodePorts();
      await nat('-D', 'KUBE-NODEPORTS', '1');
      expect(await nodePorts()).not.toBe(whole);
      const milliseconds = await until(
        () => `${whole}${bed.tail()}`,
        repairedMilliseconds,
        async () => (await nodePorts()) === whole,
      );
      times[program]?.push(Math.round(milliseconds));
    }
    await churn.stop();
    tell(`iptables-${variant}, a rule deleted under ${churn.changes} changes`, {
      repairedMs: times,
    });
    await bed.untilConverged();
    await bed.api.remove(...churn.leftovers());
    await until(
      () => `rules as before${bed.tail()}`,
      repairedMilliseconds,
      async () => (await rulesOf(bed)) === wanted,
    );
  }, 120_000);

  it('writes nothing while nothing happens', async () => {
    const writes = async () => [
      await drifts(),
      await bed.agent.metric('nodeplane_program_duration_seconds_count', 'tables-restore'),
    ];
    await setTimeout(1500);
    const before = await writes();
    const lines = bed.agent.lines.length;
    // The polls of iptables-legacy come every 4 s.
    await setTimeout(6000);
    expect(await writes()).toEqual(before);
    expect(bed.agent.lines.slice(lines)).toEqual([]);
  });

  it('does not burn a core with a program that undoes each repair', async () => {
    const syncs = () => bed.agent.metric('kubeproxy_sync_proxy_rules_duration_seconds_count');
    const cpu = () => bed.agent.metric('process_cpu_seconds_total');
    const before = [await syncs(), await cpu()] as const;
    const loop = `end=$(($(date +%s) + 10)); while [ $(date +%s) -lt $end ]; do iptables-${variant} -w 10 -t nat -D KUBE-SERVICES 1 2>/dev/null || true; sleep 0.05; done`;
    await shell(loop);
    const after = [(await syncs()) - before[0], (await cpu()) - before[1]] as const;
    tell(`iptables-${variant}, fought for 10 s`, { syncs: after[0], cpuSeconds: after[1] });
    expect(after[0]).toBeGreaterThan(0);
    // Of two families, each once a second at most.
    expect(after[0]).toBeLessThanOrEqual(24);
    expect(after[1]).toBeLessThan(3);
    await until(
      () => bed.tail(),
      repairedMilliseconds,
      async () => (await rulesOf(bed)) === wanted,
    );
  });
});
