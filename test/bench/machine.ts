import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { searchPath } from '../netns/holder.ts';

/** What the figures depend on, besides the code. */
export const machine: readonly (readonly [name: string, value: string])[] = [
  ['cpu', `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`],
  ['memory', `${Math.round(totalmem() / 2 ** 30)} GB`],
  ['load', `${loadavg()[0]?.toFixed(1)} when it began`],
  ['kernel', release()],
  ['node', process.version],
  ['iptables', versionOf('iptables-legacy')],
  ['commit', outputOf('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'])],
];

function versionOf(program: string): string {
  return outputOf(program, ['--version'])
    .replace(/^iptables v/, '')
    .replace(/ .*$/, '');
}

function outputOf(program: string, args: readonly string[]): string {
  try {
    const env = { ...process.env, PATH: searchPath };
    return execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
