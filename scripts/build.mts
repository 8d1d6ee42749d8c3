// Bundles the program into one file: dist/nodeplane.mjs. Not minified and without a source map, since a stack trace from
// a root daemon must be readable as it stands on a node where nothing else is installed.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

const root = join(import.meta.dirname, '..');
const outfile = join(root, 'dist/nodeplane.mjs');

await rm(join(root, 'dist'), { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/main.ts'],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // CommonJS dependencies call require(), which an ES module does not have.
  banner: {
    js: `#!/usr/bin/env node
import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`,
  },
  define: {
    __NODEPLANE_VERSION__: JSON.stringify(await version()),
    __NODEPLANE_COMMIT__: JSON.stringify(commit()),
  },
  legalComments: 'none', // whole licences follow in a file beside the bundle
  metafile: true,
  logLevel: 'warning',
}).catch(() => process.exit(1)); // esbuild has told why
refuseWideText(await readFile(outfile, 'latin1'));
await writeFile(`${outfile}.LEGAL.txt`, await licences(metafile));
await chmod(outfile, 0o755);
console.log(
  `dist/nodeplane.mjs  ${Math.round((metafile.outputs['dist/nodeplane.mjs']?.bytes ?? 0) / 1024)} kB`,
);

/** esbuild escapes strings but not regular expressions. One letter beyond Latin-1, and V8 keeps the source in two bytes a letter: 1.3 MB more. */
function refuseWideText(bundle: string): void {
  const [found] = bundle.match(/^.*[\x80-\xff].*$/m) ?? [];
  if (found !== undefined) throw new Error(`the bundle is not ASCII: ${found.trim()}`);
}

async function version(): Promise<string> {
  const manifest: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return manifest.version;
}

/** The commit this is built from; an image build without a .git directory sets NODEPLANE_COMMIT. */
function commit(): string {
  if (process.env['NODEPLANE_COMMIT']) return process.env['NODEPLANE_COMMIT'];
  try {
    const argv = ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'];
    return execFileSync('git', argv, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

/** The licence text of every package that went into the bundle, as their licences ask. */
async function licences({ inputs }: Metafile): Promise<string> {
  const packages = Object.keys(inputs).flatMap(
    (path) => path.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/) ?? [],
  );
  const texts = [...new Set(packages)].sort().map(async (directory) => {
    const file = readdirSync(join(root, directory)).find((name) => /^(licen[cs]e|copying)/i.test(name));
    const text = file
      ? await readFile(join(root, directory, file), 'utf8')
      : 'see package.json of the package\n';
    return `=== ${directory.replace(/^.*node_modules\//, '')}\n\n${text}`;
  });
  return (await Promise.all(texts)).join('\n');
}
