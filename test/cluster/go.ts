import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './cache.ts';
import { runTool } from './tool.ts';

/** The least that binaries/go.mod asks for. */
const least = { major: 1, minor: 26 };

/** What is fetched where there is none: a module like others, so any Go module proxy has it. */
const version = 'go1.26.8';
const sha256: Readonly<Record<string, string>> = {
  amd64: '30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7',
  arm64: '02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99',
};

/**
 * The path of a `go` that is new enough: the one in PATH, or one that is fetched into the cache once.
 * @throws Error when there is none and none can be fetched, with what can be done.
 */
export async function findGo(tell: (line: string) => void): Promise<string> {
  const found = await versionOf('go');
  if (found !== undefined && isNewEnough(found)) return 'go';
  const home = join(cacheDirectory(), version);
  const go = join(home, 'bin/go');
  if (await exists(go)) return go;
  const why =
    found === undefined ? 'Go is not in PATH' : `${found} is older than ${least.major}.${least.minor}`;
  tell(`${why}: fetching ${version} (70 MB)`);
  try {
    await fetchGo(home);
  } catch (error) {
    const remedy = `Install Go ${least.major}.${least.minor}, or name a mirror in GOPROXY.`;
    throw new Error(`${why}, and ${version} could not be fetched. ${remedy}`, { cause: error });
  }
  return go;
}

/** What the toolchain calls itself, without letting it fetch another one. */
async function versionOf(go: string): Promise<string | undefined> {
  const argv = [go, 'env', 'GOVERSION'] as const;
  return runTool({ argv, env: { GOTOOLCHAIN: 'local' } }).catch(() => undefined);
}

function isNewEnough(found: string): boolean {
  const [, major, minor] = found.match(/^go(\d+)\.(\d+)/) ?? [];
  return Number(major) === least.major && Number(minor) >= least.minor;
}

/** Complete or not there at all: others may be doing the same at this moment. */
async function fetchGo(home: string): Promise<void> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const expected = sha256[architecture];
  if (expected === undefined) throw new Error(`no checksum is known for ${architecture}`);
  const module = `v0.0.1-${version}.linux-${architecture}`;
  await mkdir(cacheDirectory(), { recursive: true });
  const directory = await mkdtemp(join(cacheDirectory(), 'fetching-'));
  try {
    const zip = join(directory, 'go.zip');
    const url = `${proxy()}/golang.org/toolchain/@v/${module}.zip`;
    await runTool({
      argv: ['curl', '--fail', '--location', '--silent', '--show-error', '--output', zip, url],
    });
    const actual = await sha256Of(zip);
    if (actual !== expected) throw new Error(`${url} has the SHA-256 ${actual}, expected ${expected}`);
    await runTool({ argv: ['unzip', '-q', zip, '-d', directory] });
    const unpacked = join(directory, `golang.org/toolchain@${module}`);
    // The zip file of a module knows no modes.
    await makeExecutable(join(unpacked, 'bin'));
    await makeExecutable(join(unpacked, `pkg/tool/linux_${architecture}`));
    await rename(unpacked, home).catch(async (error: unknown) => {
      if (!(await exists(home))) throw error; // another run was quicker
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The first of GOPROXY that is an address. */
function proxy(): string {
  const named = (process.env['GOPROXY'] ?? '').split(/[,|]/).find((each) => each.startsWith('http'));
  return (named ?? 'https://proxy.golang.org').replace(/\/$/, '');
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece);
  return hash.digest('hex');
}

async function makeExecutable(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await chmod(join(directory, name), 0o755);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
