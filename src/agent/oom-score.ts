import { writeFile } from 'node:fs/promises';
import { toError } from '../errors.ts';
import type { Log } from '../observe/log.ts';

/**
 * How readily the kernel kills this process when memory is short, -1000 to 1000 (proc_pid_oom_score_adj(5)); undefined leaves it. To lower it
 * takes CAP_SYS_RESOURCE; without that it is told, and the agent runs on.
 */
export async function setOomScore(
  score: number | undefined,
  log: Log,
  path = '/proc/self/oom_score_adj',
): Promise<void> {
  if (score === undefined) return;
  try {
    await writeFile(path, `${score}\n`, { flag: 'r+' });
  } catch (thrown) {
    log.warn(
      { path, score, err: toError(thrown) },
      'the kernel may kill this process first when memory is short',
    );
  }
}
