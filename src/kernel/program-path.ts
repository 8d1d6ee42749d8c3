import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';

const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** Directories in which programs are looked for: those of PATH, then those where administrators' programs are. */
export function programDirectories(): readonly string[] {
  const path = [...(process.env['PATH'] ?? '').split(':'), ...systemDirectories];
  return path.filter((directory) => directory.startsWith('/'));
}

/** Whether there is a program of the name that we may start. Starts nothing. */
export async function isInstalled(program: string): Promise<boolean> {
  for (const directory of programDirectories()) if (await isExecutable(join(directory, program))) return true;
  return false;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    // It is not there, or not for us.
    return false;
  }
}
