import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bed } from './bed.ts';

/** `iptables-restore`, `ip6tables-save`: as the first argument of `xtables-nft-multi` names it. */
export type ProgramName = `${'iptables' | 'ip6tables'}${'' | '-restore' | '-save'}`;

/** Says where it is, and goes on for ever. */
export const hangs = 'echo $$ > "$fault.pid"; exec sleep 1000';

/** Wrappers around the programs of iptables, first in the agent's PATH, that do as the real ones do until they are told otherwise. */
export class Programs {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<Programs> {
    const programs = new Programs(await mkdtemp(join(tmpdir(), 'nodeplane-programs-')));
    for (const variant of ['legacy', 'nft']) await programs.#wrap(`xtables-${variant}-multi`);
    return programs;
  }

  /** For {@link BedOptions.before}. */
  get before(): readonly string[] {
    return [`PATH=${this.#directory}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`];
  }

  /** @param script of a shell that is run before the real program, with its arguments and standard input; `$real` is its path. */
  async fail(program: ProgramName, script: string): Promise<void> {
    const file = this.#fault(program);
    await writeFile(`${file}.new`, script);
    await rename(`${file}.new`, file);
  }

  async heal(program: ProgramName): Promise<void> {
    await rm(this.#fault(program), { force: true });
  }

  /** Ends the program that {@link hangs}. */
  async killHanging(bed: Bed, program: ProgramName): Promise<void> {
    await bed.run('sh', '-ec', `kill -9 $(cat ${this.#fault(program)}.pid)`);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }

  #fault(program: ProgramName): string {
    return join(this.#directory, `fault-${program}`);
  }

  async #wrap(name: string): Promise<void> {
    const file = join(this.#directory, name);
    await writeFile(
      file,
      `#!/bin/sh
real=/usr/sbin/${name}
fault="\${0%/*}/fault-$1"
[ ! -e "$fault" ] || . "$fault"
exec "$real" "$@"
`,
    );
    await chmod(file, 0o755);
  }
}

/** Takes the programs of iptables away from the whole world of the bed. @returns brings them back. */
export async function uninstall(bed: Bed): Promise<() => Promise<void>> {
  const script = `
    mkdir -p /run/sbin
    mount --bind /usr/sbin /run/sbin
    mount -t tmpfs tmpfs /usr/sbin
    for file in /run/sbin/*; do ln -s $file /usr/sbin/; done
    rm /usr/sbin/*tables*`;
  await checked(bed, script);
  return () => checked(bed, 'umount -l /usr/sbin; umount -l /run/sbin');
}

async function checked(bed: Bed, script: string): Promise<void> {
  const { exitCode, stderr } = await bed.run('sh', '-ec', script);
  if (exitCode !== 0) throw new Error(stderr);
}
