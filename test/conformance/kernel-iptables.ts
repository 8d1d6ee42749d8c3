import { spawnSync } from 'node:child_process';
import type { Family } from '../../src/model/address.ts';

export type Variant = 'legacy' | 'nft';

export const variants: readonly Variant[] = ['legacy', 'nft'];

/** In a user namespace the programs add warnings of their own to what they say. */
export const needsRoot = 'word for word, the programs speak as to root only to root';

/** What happened to one text, and what the kernel held afterwards. */
export interface KernelAnswer {
  readonly exitCode: number;
  readonly stderr: string;
  /** Output of `iptables-save`. */
  readonly saved: string;
}

const separator = '=====8<=====';

/**
 * Gives the texts one after the other to `iptables-restore --noflush` in a network namespace of their own, which goes away
 * with the call. The answers are in the same order.
 */
export function askKernel(
  variant: Variant,
  family: Family,
  texts: readonly string[],
): readonly KernelAnswer[] {
  const program = `ip${family === 'IPv6' ? '6' : ''}tables-${variant}`;
  // The texts come through standard input, each with its length in front: in bytes, as `head -c` counts.
  const script = `while read -r length; do
      head -c "$length" | ${program}-restore --noflush --counters; code=$?
      echo "$code ${separator}"; ${program}-save; echo "${separator}"
      echo "${separator}" >&2
    done`;
  const input = texts.map((text) => `${Buffer.byteLength(text)}\n${text}`).join('');
  const result = spawnSync('unshare', ['-n', 'sh', '-c', script], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (result.status !== 0) throw new Error(`unshare failed: ${result.stderr}`);
  const errors = result.stderr.split(`${separator}\n`);
  const parts = result.stdout.split(`${separator}\n`);
  return texts.map((_, index) => ({
    exitCode: Number(parts[2 * index]),
    stderr: errors[index] ?? '',
    saved: parts[2 * index + 1] ?? '',
  }));
}
