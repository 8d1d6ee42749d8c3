import type { Component } from '../component.ts';

/** Whether it has said so since it was started last. */
export function says({ freshLines }: Component, text: string): boolean {
  return freshLines.some((line) => line.includes(text));
}

/** What the agent's syncs cost, as its log has it: `IPv4: 16 steps, 210 ms`. */
export function syncsOf({ freshLines }: Component): readonly string[] {
  const lines = freshLines.filter((line) => line.includes('"msg":"synced"'));
  return lines.map((line) => {
    const { family, steps, milliseconds }: Record<string, unknown> = JSON.parse(line);
    return `${String(family)}: ${String(steps)} steps, ${String(milliseconds)} ms`;
  });
}
