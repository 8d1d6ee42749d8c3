import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { binary } from '../binaries.ts';
import type { Cluster } from '../cluster.ts';
import { administrator } from '../users.ts';

const root = join(import.meta.dirname, '../../..');

/** Plays commands of docs/install.md, as they stand there, with kubectl as an administrator. */
export interface Player {
  /**
   * @param block its name, as in `<!-- play move -->`.
   * @param words what stands for a reader's own: `NODE`, `API_SERVER`.
   * @returns what was printed.
   * @throws Error with that when it failed.
   */
  play(block: string, words?: Readonly<Record<string, string>>): Promise<string>;
}

export async function makePlayer({ network, plane }: Cluster): Promise<Player> {
  const page = await readFile(join(root, 'docs/install.md'), 'utf8');
  const kubectl = await binary('kubectl');
  const environment = [
    `KUBECONFIG=${await plane.kubeconfig(administrator)}`,
    `PATH=${dirname(kubectl)}:/usr/bin:/bin`,
    'HOME=/run',
  ];
  return {
    play: async (block, words = {}) => {
      const script = [`cd ${root}`, commandsOf(page, block, words)].join('\n');
      const argv = ['env', '-i', ...environment, 'bash', '-eo', 'pipefail', '-c', script] as const;
      const ended = await network.exec('control-plane')({ argv, timeoutMilliseconds: 120_000 });
      if (ended.exitCode !== 0) throw new Error(`${script}\n${ended.stdout}${ended.stderr}`);
      return ended.stdout;
    },
  };
}

function commandsOf(page: string, block: string, words: Readonly<Record<string, string>>): string {
  const [, commands] = page.split(new RegExp(`<!-- play ${block} -->\n\`\`\`sh\n`));
  const [text, rest] = commands?.split('```\n<!-- end -->') ?? [];
  if (text === undefined || rest === undefined) throw new Error(`docs/install.md has no block ${block}`);
  return Object.entries(words).reduce((played, [word, value]) => played.replaceAll(word, value), text);
}
