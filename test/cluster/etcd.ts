import { ask } from './bridge.ts';

/** The storage itself, by its JSON gateway. */
export class Etcd {
  readonly #socketPath: string;

  /** @param socketPath a door of a bridge. */
  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Forgets all versions of all objects but the present ones, and returns the revision up to which they are forgotten. */
  async compact(): Promise<string> {
    const status: { header: { revision: string } } = JSON.parse(
      await this.#ask('/v3/maintenance/status', {}),
    );
    const { revision } = status.header;
    await this.#ask('/v3/kv/compaction', { revision, physical: true });
    return revision;
  }

  async #ask(path: string, request: unknown): Promise<string> {
    const { status, body } = await ask(this.#socketPath, path, request);
    if (status !== 200) throw new Error(`etcd: ${path}: ${status} ${body}`);
    return body;
  }
}
