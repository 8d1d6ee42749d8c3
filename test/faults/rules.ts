import { expect } from 'vitest';
import type { Bed } from './bed.ts';

const families = ['iptables', 'ip6tables'] as const;

/** All rules of both families, by table and chain, in their order within a chain. */
export async function rulesOf(bed: Bed): Promise<string> {
  const saves = await Promise.all(
    families.map(async (family) => {
      const { stdout, exitCode, stderr } = await bed.run(`${family}-${bed.variant}-save`);
      expect(exitCode, stderr).toBe(0);
      return `${family}\n${canonical(stdout)}`;
    }),
  );
  return saves.join('\n');
}

/** Tables and chains sorted by name, without counters and comments of the program. */
function canonical(save: string): string {
  const chains = new Map<string, string[]>();
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line;
    const [word = '', second = ''] = line.split(' ');
    const chain = word.startsWith(':') ? `${table} ${word.slice(1)}` : `${table} ${second}`;
    if (word.startsWith(':')) chains.set(chain, chains.get(chain) ?? []);
    else if (word === '-A') chains.set(chain, [...(chains.get(chain) ?? []), line]);
  }
  const built = [...chains].filter(([chain, rules]) => rules.length > 0 || chain.includes(' KUBE-'));
  return built
    .map(([chain, rules]) => [chain, ...rules].join('\n'))
    .sort()
    .join('\n');
}
