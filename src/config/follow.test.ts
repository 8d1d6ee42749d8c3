import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Config, defaultConfig } from './defaults.ts';
import { followConfig } from './follow.ts';
import { loadConfig } from './load.ts';
import type { ConfigUpdates } from './updates.ts';

let directory = '';
let following: ConfigUpdates | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'np-follow-'));
});
afterEach(async () => {
  await following?.stop();
  following = undefined;
  await rm(directory, { recursive: true });
});

const usual: Config = { ...defaultConfig, nodeName: 'n1' };

/** A file whose one field tells versions apart. */
function text(bit: number | string): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\niptables: {masqueradeBit: ${bit}}\n`;
}

interface Followed {
  /** Bits of the configurations that were told, and codes of errors. */
  readonly told: (number | string)[];
  loads(): number;
}

function follow(file: string, pollMilliseconds = 3_600_000, current = usual): Followed {
  const told: (number | string)[] = [];
  let loads = 0;
  following = followConfig({
    file,
    current,
    load: () => {
      loads += 1;
      return loadConfig({ file, flags: {}, host: { nodeName: 'n1', hostname: 'n1' } });
    },
    times: { settleMilliseconds: 30, pollMilliseconds },
  });
  following.start({
    changed: (config) => told.push(config.routing.masqueradeBit),
    refused: (error) => told.push('code' in error ? String(error.code) : error.message),
  });
  return { told, loads: () => loads };
}

async function toldBe(followed: Followed, expected: readonly (number | string)[]): Promise<void> {
  await vi.waitFor(() => expect(followed.told).toEqual(expected), { timeout: 10_000, interval: 10 });
}

/** Waits until the file was judged at least once, and with it the watch is there. */
async function judged(followed: Followed): Promise<void> {
  await vi.waitFor(() => expect(followed.loads()).toBeGreaterThan(0), { timeout: 10_000, interval: 5 });
}

describe('a configuration file', () => {
  it('that changed before it was followed is told', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text(3));
    await toldBe(follow(file), [3]);
  });

  it('is told when it is written and when it is renamed over, and only when it says something else', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text(14));
    const followed = follow(file);
    await judged(followed);
    await writeFile(file, text(5));
    await toldBe(followed, [5]);
    await writeFile(file, `${text(5)}# a comment\n`);
    await vi.waitFor(() => expect(followed.loads()).toBeGreaterThan(2), { timeout: 10_000 });
    await writeFile(join(directory, 'next'), text(6));
    await rename(join(directory, 'next'), file);
    await toldBe(followed, [5, 6]);
  });

  it('is told when the links of a mounted ConfigMap are swapped', async () => {
    await mkdir(join(directory, '..2026_1'));
    await mkdir(join(directory, '..2026_2'));
    await writeFile(join(directory, '..2026_1', 'config.conf'), text(14));
    await writeFile(join(directory, '..2026_2', 'config.conf'), text(7));
    await symlink('..2026_1', join(directory, '..data'));
    await symlink('..data/config.conf', join(directory, 'config.conf'));
    const followed = follow(join(directory, 'config.conf'));
    await judged(followed);
    await symlink('..2026_2', join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    await toldBe(followed, [7]);
  });

  it('behind a link into another directory is looked at again and again', async () => {
    await mkdir(join(directory, 'elsewhere'));
    await mkdir(join(directory, 'here'));
    await writeFile(join(directory, 'elsewhere', 'config.yaml'), text(14));
    await symlink('../elsewhere/config.yaml', join(directory, 'here', 'config.yaml'));
    const followed = follow(join(directory, 'here', 'config.yaml'), 20);
    await judged(followed);
    await writeFile(join(directory, 'elsewhere', 'config.yaml'), text(8));
    await toldBe(followed, [8]);
  });

  it('that is not valid is refused once, and what it said before holds on', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text(14));
    const followed = follow(file, 20);
    await judged(followed);
    await writeFile(file, text(99));
    await toldBe(followed, ['NP-CONFIG-002']);
    // Looked at many times; told once.
    const loads = followed.loads();
    await writeFile(join(directory, 'neighbour'), '');
    await writeFile(file, text(98));
    await toldBe(followed, ['NP-CONFIG-002', 'NP-CONFIG-002']);
    expect(followed.loads() - loads).toBeLessThan(4);
    await writeFile(file, text(14));
    await vi.waitFor(() => expect(followed.loads()).toBeGreaterThan(loads + 1), { timeout: 10_000 });
    await writeFile(file, text(9));
    await toldBe(followed, ['NP-CONFIG-002', 'NP-CONFIG-002', 9]);
  });

  it('that is away for a while is no change', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text(14));
    const followed = follow(file, 10);
    await judged(followed);
    await unlink(file);
    await rename(directory, `${directory}-away`);
    await mkdir(directory);
    await writeFile(join(directory, 'draft'), text(4));
    await rename(join(directory, 'draft'), file);
    await rm(`${directory}-away`, { recursive: true });
    await toldBe(followed, [4]);
  });

  it('is read although its neighbours never rest', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text(14));
    const followed = follow(file);
    await judged(followed);
    const noise = setInterval(() => void writeFile(join(directory, 'noise'), 'x'), 5);
    try {
      await writeFile(file, text(10));
      await toldBe(followed, [10]);
    } finally {
      clearInterval(noise);
    }
  });

  it('that cannot be read is refused', async () => {
    const file = join(directory, 'config.yaml');
    await mkdir(file);
    await toldBe(follow(file), ['NP-CONFIG-001']);
  });

  it('that is a pipe is not waited for', async () => {
    const file = join(directory, 'config.yaml');
    const [program, ...argv] = ['mkfifo', file] as const;
    execFileSync(program, argv);
    const followed = follow(file, 10);
    // Time for looks at the pipe: one that waits for it would keep all later ones waiting.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await writeFile(join(directory, 'next'), text(3));
    await rename(join(directory, 'next'), file);
    await toldBe(followed, [3]);
  });

  it('is told no more after stop', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, text(3));
    const followed = follow(file);
    await following?.stop();
    const { length } = followed.told;
    await writeFile(file, text(4));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(followed.told).toHaveLength(length);
    expect(followed.told).not.toContain(4);
  });
});
