import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what takes minutes to build is kept between runs, outside of any checkout. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { NODEPLANE_CACHE: chosen, XDG_CACHE_HOME: caches } = environment;
  if (chosen !== undefined && chosen !== '') return chosen;
  return join(caches !== undefined && caches !== '' ? caches : join(homedir(), '.cache'), 'nodeplane');
}
