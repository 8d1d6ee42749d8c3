import { NodeplaneError } from '../../errors.ts';

/** The code of the error, for a label: its values are those that docs/errors.md lists, and `none`. */
export function codeOf(error: Error): string {
  return error instanceof NodeplaneError ? error.code : 'none';
}
