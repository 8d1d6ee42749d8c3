import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Program } from '../../netns/program.ts';
import type { ClusterNetwork } from '../network/network.ts';
import { until } from '../until.ts';

const socketPath = '/run/cloud-prober.sock';
const startMilliseconds = 30_000;

/** A probe's outcome. */
export interface Probed {
  readonly url: string;
  readonly ok: boolean;
}

/** The process in `cloud` that probes; see prober.mjs. */
export class Prober {
  readonly #program: Program;
  readonly #socket: Socket;
  #urls = '[]';

  private constructor(program: Program, socket: Socket) {
    this.#program = program;
    this.#socket = socket;
  }

  /** @throws Error with its last words when it does not start. */
  static async start(network: ClusterNetwork, told: (probed: Probed) => void): Promise<Prober> {
    const script = join(import.meta.dirname, 'prober.mjs');
    const program = network.start('cloud', [process.execPath, script, socketPath]);
    let socket: Socket | undefined;
    try {
      await until(
        () => `the prober: ${program.lines.join('\n')}`,
        startMilliseconds,
        async () => {
          socket = await connected(network.path(socketPath));
          return socket !== undefined;
        },
      );
      if (!socket) throw new Error('the prober has no socket');
      createInterface({ input: socket }).on('line', (line) => told(JSON.parse(line)));
      return new Prober(program, socket);
    } catch (error) {
      await program.stop('SIGKILL');
      throw error;
    }
  }

  /** From now on these are probed, and no others. */
  probe(urls: readonly string[]): void {
    const text = JSON.stringify(urls.toSorted());
    if (text === this.#urls) return;
    this.#urls = text;
    this.#socket.write(`${text}\n`);
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#program.stop('SIGKILL');
  }
}

async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socket.on('error', () => undefined);
  } catch {
    return undefined;
  }
}
