import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Debian keeps ip, nft and iptables where an ordinary user's PATH does not look. */
export const searchPath = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`;

/** What the world's processes get: no options of vitest or tsx, which would make Node start slowly. */
export function worldEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: undefined, PATH: searchPath, LC_ALL: 'C' };
}

/** Without it everything happens in a user namespace, where the kernel takes no netlink message over the default socket buffer. */
export const isRoot = process.getuid?.() === 0;

/**
 * The process that keeps a world alive: a shell that is process 1 of a PID namespace and the only owner of a mount namespace,
 * so that /run/netns and /run/xtables.lock are the world's own. It reads commands from its standard input. When whoever holds the
 * other end dies, of whatever, the input ends, the shell exits, the kernel kills all processes of the PID namespace, and with
 * the last of them the network namespaces are gone.
 */
export class Holder {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';
  #turn: Promise<unknown> = Promise.resolve();

  private constructor() {
    const user = isRoot ? [] : ['--user', '--map-root-user'];
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
    // In a session of its own, so that Ctrl-C does not kill the world before whoever uses it has said good-bye.
    this.#child = spawn('unshare', [...user, ...namespaces, 'sh', '-s'], {
      detached: true,
      env: worldEnvironment(),
    });
    this.#closed = once(this.#child, 'close').catch((error: unknown) => {
      this.#stderr += String(error);
    });
    this.#child.stdin.on('error', () => undefined); // told by the missing end mark
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error with what `unshare` or `mount` said where namespaces are not allowed. */
  static async start(): Promise<Holder> {
    const holder = new Holder();
    try {
      await holder.script(`
        mount -t tmpfs -o mode=755 tmpfs /run
        [ -L /var/run ] || mount --bind /run /var/run
        mkdir /run/netns`);
      return holder;
    } catch (error) {
      await holder.close();
      throw error;
    }
  }

  /**
   * Runs shell commands as the world's root, in its first network namespace, which has no links. One script at a time.
   * @throws Error when one of them fails, with what it printed to standard error.
   */
  script(text: string): Promise<string> {
    const result = this.#turn.then(() => this.#runScript(text));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Words that, put before a command, run it inside the world, in the named network namespace. */
  enter(namespace: string): readonly [string, ...string[]] {
    const proc = `/proc/${this.#child.pid}`;
    const user = isRoot ? [] : [`--user=${proc}/ns/user`, '--preserve-credentials'];
    const world = [`--mount=${proc}/ns/mnt`, `--pid=${proc}/ns/pid_for_children`];
    return ['nsenter', ...user, ...world, `--net=${proc}/root/run/netns/${namespace}`, '--'];
  }

  /** Where a file of the world is found from outside. Files under /run are the world's own and vanish with it. */
  path(inside: string): string {
    return `/proc/${this.#child.pid}/root${inside}`;
  }

  /** Ends every process of the world; resolved when they are gone. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }

  async #runScript(text: string): Promise<string> {
    const output: string[] = [];
    const mark = '=== end of script, exit code';
    // The subshell has another standard input, else its commands would eat the scripts to come.
    this.#child.stdin.write(`( set -e\n${text}\n) </dev/null\necho "${mark} $?"\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) {
        await this.#closed;
        throw new Error(`the world's first process has ended: ${this.#stderr.trim()}`);
      }
      if (!value.startsWith(mark)) output.push(value);
      else if (value === `${mark} 0`) return output.join('\n');
      else
        throw new Error(
          `building the world failed (${value.slice(mark.length - 9)}): ${this.#stderr.trim()}`,
        );
    }
  }
}
