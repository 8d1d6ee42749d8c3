import { readFile } from 'node:fs/promises';
import { toError } from '../../errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  ELOOP: 'its symbolic links lead in a circle',
};

/** The text of a file. @throws Error whose message is the reason alone, in plain words. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw failed(toError(thrown));
  }
}

function failed(cause: Error): Error {
  const code = 'code' in cause ? String(cause.code) : '';
  return new Error(reasons[code] ?? cause.message, { cause });
}
