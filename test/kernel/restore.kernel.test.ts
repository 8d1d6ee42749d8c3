import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExec, type Exec } from '../../src/kernel/exec.ts';
import { createIptables, type Iptables } from '../../src/kernel/iptables.ts';
import { type IptablesVariant, iptablesVariants } from '../../src/kernel/iptables-programs.ts';
import type { Line } from '../../src/rules/plan.ts';
import { isRoot } from '../netns/holder.ts';
import { type Namespace, openNamespace } from './namespace.ts';

function iptablesFor(variant: IptablesVariant, exec: Exec): Iptables {
  const programs = { variant, naming: 'multi', version: '' } as const;
  return createIptables({ exec, family: 'IPv4', programs, lockSeconds: 1 });
}

function toLines(...texts: readonly string[]): readonly Line[] {
  return texts.map((text) => ({ text, service: undefined }));
}

const oneChain = toLines('*nat', ':A - [0:0]', 'COMMIT');

describe.each(iptablesVariants)('%s', (variant) => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await openNamespace();
  });
  afterAll(() => namespace.close());

  test('a restore that is killed half-way leaves nothing, and the next one works', async () => {
    const chains = Array.from({ length: 2000 }, (_, index) => `:CHAIN-${index} - [0:0]`);
    const lines = toLines('*nat', ...chains, 'COMMIT');
    const half = '{ head -c 20000; sleep 0.6; } | timeout -s KILL 0.3 "$@"; kill -KILL $$';
    const killing = iptablesFor(variant, (command) =>
      namespace.exec({ ...command, argv: ['sh', '-c', half, 'sh', ...command.argv] }),
    );
    await expect(killing.restore(lines)).rejects.toMatchObject({
      code: 'NP-KERNEL-006',
      message: expect.stringMatching(/was killed by SIGKILL after .* and not by nodeplane/),
    });
    const iptables = iptablesFor(variant, namespace.exec);
    expect(await iptables.save(['nat'])).not.toContain('CHAIN');
    await iptables.restore(lines);
    expect(await iptables.save(['nat'])).toContain(':CHAIN-1999 ');
  });

  test('20 MB of rules go through, and come back', async (context) => {
    if (!isRoot && variant === 'nft')
      context.skip('without root the kernel takes no netlink message of that size');
    const rule = `-A LONG -m comment --comment ${'x'.repeat(240)} -j ACCEPT`;
    const rules = Array.from({ length: 70_000 }, () => rule);
    const iptables = iptablesFor(variant, namespace.exec);
    await iptables.restore(toLines('*filter', ':LONG - [0:0]', ...rules, 'COMMIT'));
    const saved = await iptables.save(['filter']);
    expect(saved.match(/^-A LONG /gm)?.length).toBe(70_000);
  });

  test('more output than the cap is an error, not memory', async () => {
    const small = createExec({ stdoutCharacters: 50 });
    const echo: Exec = (command) => small({ ...command, argv: ['yes'] });
    await expect(iptablesFor(variant, echo).save(['nat'])).rejects.toMatchObject({ code: 'NP-KERNEL-007' });
  });

  test('without CAP_NET_ADMIN nothing can be read or written', async () => {
    const drop = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
    const iptables = iptablesFor(variant, (command) =>
      namespace.exec({ ...command, argv: ['setpriv', ...drop.slice(1), ...command.argv] }),
    );
    await expect(iptables.restore(oneChain)).rejects.toMatchObject({ code: 'NP-KERNEL-002' });
    await expect(iptables.save()).rejects.toMatchObject({ code: 'NP-KERNEL-002' });
  });

  test('an ordinary user cannot either, and legacy stops at the lock file already', async (context) => {
    if (!isRoot) context.skip('only root can become another user');
    const iptables = iptablesFor(variant, (command) =>
      namespace.exec({ ...command, argv: ['setpriv', '--reuid=65534', '--clear-groups', ...command.argv] }),
    );
    const code = variant === 'legacy' ? 'NP-KERNEL-009' : 'NP-KERNEL-002';
    await expect(iptables.restore(oneChain)).rejects.toMatchObject({ code });
    await expect(iptables.save()).rejects.toMatchObject({ code: 'NP-KERNEL-002' });
  });
});

describe('the lock of legacy', () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await openNamespace();
    await namespace.script('flock /run/xtables.lock sleep 3 >/dev/null 2>&1 & sleep 0.2');
  });
  afterAll(() => namespace.close());

  test('held by another for longer than we wait is NP-KERNEL-003; nft has no lock', async () => {
    await iptablesFor('nft', namespace.exec).restore(oneChain);
    await expect(iptablesFor('legacy', namespace.exec).restore(oneChain)).rejects.toMatchObject({
      code: 'NP-KERNEL-003',
      message: expect.stringContaining('longer than 1 s'),
    });
  });

  test('that is no file is NP-KERNEL-009', async () => {
    await namespace.script('rm -f /run/xtables.lock && mkdir /run/xtables.lock');
    await expect(iptablesFor('legacy', namespace.exec).restore(oneChain)).rejects.toMatchObject({
      code: 'NP-KERNEL-009',
      message: 'The lock file /run/xtables.lock of iptables cannot be opened: Is a directory.',
    });
  });
});

test('a table with native nftables rules is not taken for empty', async () => {
  const namespace = await openNamespace();
  try {
    const iptables = iptablesFor('nft', namespace.exec);
    await iptables.restore(oneChain);
    await namespace.script('nft add rule ip nat A numgen random mod 2 0 accept');
    await expect(iptables.save()).rejects.toMatchObject({
      code: 'NP-KERNEL-010',
      remedy: expect.stringContaining('`nft list table ip nat`'),
    });
    await iptables.restore(oneChain);
    expect(await iptables.save(['nat'])).toContain(':A ');
  } finally {
    await namespace.close();
  }
});
