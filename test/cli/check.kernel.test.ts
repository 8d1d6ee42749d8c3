import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/kernel/exec.ts';
import { type Namespace, openNamespace } from '../kernel/namespace.ts';
import { bundle, createManifests, type Manifests } from './nodeplane.ts';

type Words = readonly [string, ...string[]];

/** Hides the programs of iptables and of conntrack from what is started behind it. */
const withoutPrograms: Words = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs tmpfs /usr/sbin && exec "$@"',
  'sh',
];
const withoutCapability: Words = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];

describe('a node that lacks something', () => {
  let namespace: Namespace;
  let manifests: Manifests;

  beforeEach(async () => {
    [namespace, manifests] = await Promise.all([openNamespace(), createManifests()]);
    await namespace.script('ip link set lo up');
  });
  afterEach(async () => {
    await Promise.all([namespace.close(), manifests.remove()]);
  });

  function run(before: Words, verb: string, ...more: readonly string[]): Promise<CommandResult> {
    const source = ['--manifests', manifests.directory, '--node', 'node-a'];
    const argv: Words = [...before, process.execPath, bundle, verb, ...source, ...more];
    return namespace.exec({ argv, timeoutMilliseconds: 30_000 });
  }

  async function rules(): Promise<string> {
    return namespace.script('iptables-nft-save; ip6tables-nft-save; iptables-legacy-save');
  }

  it('programs: all that are missing are told by check, with their packages', async () => {
    const { exitCode, stdout } = await run(withoutPrograms, 'check', '--output', 'json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      findings: [
        {
          severity: 'error',
          code: 'NP-CHECK-005',
          message: expect.stringContaining('iptables'),
          remedy: expect.stringMatching(
            /apt-get install iptables.*apk add iptables.*dnf install iptables-nft/,
          ),
        },
        { severity: 'warning', code: 'NP-CHECK-006', message: expect.stringContaining('conntrack') },
      ],
    });
  });

  it.each(['apply', 'run --init-only'])('programs: %s refuses', async (words) => {
    const [verb = '', ...more] = words.split(' ');
    const { exitCode, stdout, stderr } = await run(withoutPrograms, verb, ...more);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('error NP-CHECK-005');
  });

  it('programs: run tells once what is missing and waits for it', async () => {
    const before = ['timeout', '--signal=TERM', '4', ...withoutPrograms] as const;
    const { stderr } = await run(before, 'run');
    const lines = stderr.split('\n');
    expect(lines.filter((line) => line.includes('"NP-CHECK-005"'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"NP-CHECK-006"'))).toHaveLength(1);
    expect(stderr).toContain('ended; the rules stay');
  });

  it.each(['nft', 'legacy'])(
    'permission of the kernel (%s): told once, by check and by --init-only',
    async (variant) => {
      const flags = ['--iptables-variant', variant];
      const before = await rules();
      const checked = await run(withoutCapability, 'check', ...flags, '--output', 'json');
      expect(checked.exitCode).toBe(1);
      expect(JSON.parse(checked.stdout)).toMatchObject({ findings: [{ code: 'NP-KERNEL-002' }] });
      const refused = await run(withoutCapability, 'run', '--init-only', ...flags);
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toContain('error NP-KERNEL-002');
      expect(await rules()).toBe(before);
    },
  );

  it('nothing: says so, and leaves no trace', async () => {
    const before = await namespace.script('iptables-nft-save -c; ip6tables-nft-save -c; conntrack -L 2>&1');
    expect(await run(['env'], 'check')).toMatchObject({ exitCode: 0, stdout: 'nothing stands in the way\n' });
    expect(await run(['env'], 'check', '--output=json')).toMatchObject({
      stdout: '{\n  "findings": []\n}\n',
    });
    const after = await namespace.script('iptables-nft-save -c; ip6tables-nft-save -c; conntrack -L 2>&1');
    expect(after.replaceAll(/^#.*$/gm, '')).toBe(before.replaceAll(/^#.*$/gm, ''));
  });
});
