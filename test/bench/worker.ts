// One measurement in a process of its own: a job as JSON in, its figures as JSON into a file. See children.ts.
import { writeFileSync } from 'node:fs';
import { type AgentFigures, type AgentJob, measureAgent } from './agent.ts';
import { type ConntrackFigures, type ConntrackJob, measureConntrack } from './conntrack.ts';
import { measurePackets, type PacketFigures, type PacketsJob } from './packets.ts';
import { measureRestore, type RestoreFigures, type RestoreJob } from './restore.ts';
import { measureStart, type StartFigures, type StartJob } from './start.ts';
import { measureWalk, type WalkFigures, type WalkJob } from './walk.ts';

export interface Figures {
  readonly walk: WalkFigures;
  readonly restore: RestoreFigures;
  readonly packets: PacketFigures;
  readonly conntrack: ConntrackFigures;
  readonly agent: AgentFigures;
  readonly start: StartFigures;
}

export type Job = WalkJob | RestoreJob | PacketsJob | ConntrackJob | AgentJob | StartJob;

// As process 1 of a PID namespace it would not hear of it otherwise; the kernel ends the rest.
process.on('SIGTERM', () => process.exit(143));

const [, , jobText = '', resultFile = ''] = process.argv;
const job: Job = JSON.parse(jobText);
writeFileSync(resultFile, JSON.stringify(await measure(job)));
process.exit(0);

function measure(of: Job): Promise<Figures[keyof Figures]> {
  switch (of.kind) {
    case 'walk':
      return measureWalk(of);
    case 'restore':
      return measureRestore(of);
    case 'packets':
      return measurePackets(of);
    case 'conntrack':
      return measureConntrack(of);
    case 'agent':
      return measureAgent(of);
    case 'start':
      return measureStart(of);
  }
}
