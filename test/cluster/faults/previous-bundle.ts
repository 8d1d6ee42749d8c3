import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '../tool.ts';

const root = join(import.meta.dirname, '../../..');

/** The last commit before the cluster came: what an upgrade comes from. */
export const previousCommit = 'b7316d0';

/** Undefined where it can be built; else why not. */
export async function whyNoPrevious(): Promise<string | undefined> {
  const exists = ['git', '-C', root, 'cat-file', '-e', `${previousCommit}^{commit}`] as const;
  return runTool({ argv: exists }).then(
    () => undefined,
    () => `this clone has no commit ${previousCommit}`,
  );
}

/** Builds the bundle of that commit below the directory, with our node_modules. @returns its path. */
export async function buildPrevious(directory: string): Promise<string> {
  const tree = join(directory, 'previous');
  await mkdir(tree);
  const archive = join(directory, 'previous.tar');
  await runTool({ argv: ['git', '-C', root, 'archive', `--output=${archive}`, previousCommit] });
  await runTool({ argv: ['tar', '--extract', `--file=${archive}`, `--directory=${tree}`] });
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
  const tsx = join(root, 'node_modules/.bin/tsx');
  await runTool({ argv: [tsx, 'scripts/build.mts'], cwd: tree, env: { NODEPLANE_COMMIT: previousCommit } });
  return join(tree, 'dist/nodeplane.mjs');
}
