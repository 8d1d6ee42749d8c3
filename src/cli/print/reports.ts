import type { ApplyReport } from '../../agent/apply.ts';
import type { CleanupReport } from '../../agent/cleanup.ts';
import type { InitializeReport } from '../../agent/initialize.ts';
import type { RenderedFamily } from '../../agent/render.ts';
import { counted } from './text.ts';

/** `IPv4: 12 services, 34 steps, 210 lines, 18 ms`, or that there was nothing to change. */
export function printApply(reports: readonly ApplyReport[]): string {
  return text(
    reports.map(({ family, services, steps, lines, milliseconds }) => {
      if (steps === 0) return `${family}: nothing to change`;
      const words = [counted(services, 'service'), counted(steps, 'step'), counted(lines, 'line')];
      return `${family}: ${words.join(', ')}, ${Math.round(milliseconds)} ms`;
    }),
  );
}

export function applyJson(reports: readonly ApplyReport[]): unknown {
  return {
    families: reports.map(({ family, services, steps, lines, bytes, milliseconds }) => ({
      family,
      services,
      steps,
      lines,
      bytes,
      milliseconds: Math.round(milliseconds),
    })),
  };
}

/** `IPv4 (nft): removed 34 chains and 6 jumps to them`. */
export function printCleanup(reports: readonly CleanupReport[]): string {
  if (reports.every(({ chains, jumps }) => chains + jumps === 0)) return 'nothing to remove\n';
  return text(
    reports.flatMap(({ family, variant, chains, jumps, kept }) => {
      const removed = chains + jumps === 0 ? 'nothing to remove' : `removed ${chainWords(chains, jumps)}`;
      const stays = kept.map((chain) => `  kept ${chain}: a rule of somebody else leads to it`);
      return [`${family} (${variant}): ${removed}`, ...stays];
    }),
  );
}

function chainWords(chains: number, jumps: number): string {
  return `${counted(chains, 'chain')} and ${counted(jumps, 'rule')} of built-in chains`;
}

export function cleanupJson(reports: readonly CleanupReport[]): unknown {
  return {
    removed: reports.map(({ family, variant, chains, jumps, kept }) => ({
      family,
      variant,
      chains,
      jumps,
      kept,
    })),
  };
}

/** `net/netfilter/nf_conntrack_max = 131072`, or that there was nothing to change. */
export function printInitialize({ changed }: InitializeReport): string {
  if (changed.length === 0) return 'nothing to change\n';
  return text(changed.map(({ setting, value }) => `${setting} = ${value}`));
}

export function initializeJson({ changed }: InitializeReport): unknown {
  return { changed: changed.map(({ setting, value }) => ({ setting, value })) };
}

/** Each family under a comment with its name, which iptables-restore skips. */
export function printRender(rendered: readonly RenderedFamily[]): string {
  return text(rendered.flatMap(({ family, lines }) => [`# ${family}`, ...lines]));
}

export function renderJson(rendered: readonly RenderedFamily[]): unknown {
  return { families: rendered.map(({ family, lines }) => ({ family, lines })) };
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
