import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Component } from '../component.ts';
import { until } from '../until.ts';

const startedMilliseconds = 60_000;

/** What the process was doing when it was killed: how often a program of its was writing rules, and how often it had not synced yet. */
export interface Caught {
  restoring: number;
  beforeFirstSync: number;
}

/** Kills the process and starts it again, at another instant each time; it runs in the end. */
export async function killAgain(agent: Component, kills: number, random: () => number): Promise<Caught> {
  const caught: Caught = { restoring: 0, beforeFirstSync: 0 };
  for (let count = 0; count < kills; count++) {
    await instants[count % instants.length]?.(agent, random);
    if (!has(agent, '"synced"')) caught.beforeFirstSync += 1;
    if (await isRestoring(agent)) caught.restoring += 1;
    await agent.stop('SIGKILL');
    agent.start();
  }
  return caught;
}

/** While it starts, while it follows changes, and when a program of its has begun to write. */
const instants: readonly ((agent: Component, random: () => number) => Promise<unknown>)[] = [
  (_, random) => setTimeout(100 + random() * 700),
  async (agent, random) => {
    await untilHas(agent, '"synced"');
    await setTimeout(random() * 200);
  },
  async (agent, random) => {
    await untilHas(agent, 'chose the iptables variant');
    for (let looks = 0; looks < 300 && !(await isRestoring(agent)); looks++) await setTimeout(2);
    await setTimeout(random() * 10);
  },
];

function has(agent: Component, words: string): boolean {
  return agent.freshLines.some((line) => line.includes(words));
}

function untilHas(agent: Component, words: string): Promise<void> {
  const what = () => `${words}\n${agent.freshLines.slice(-10).join('\n')}`;
  return until(what, startedMilliseconds, async () => {
    if (!agent.running) throw new Error(`it has ended:\n${agent.freshLines.join('\n')}`);
    return has(agent, words);
  });
}

/** Whether a program that writes rules is running under the process. */
async function isRestoring(agent: Component): Promise<boolean> {
  const pid = await agent.pid();
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const commands = await Promise.all(
    children
      .split(' ')
      .filter((each) => each !== '')
      .map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.some((command) => command.includes('-restore'));
}
