import { request } from 'node:http';
import { json } from 'node:stream/consumers';

interface Header {
  readonly revision: string;
}

/** The storage itself, by its JSON gateway. */
export class Etcd {
  readonly #socketPath: string;

  /** @param socketPath a Unix socket that leads to it; see bridge.mjs. */
  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Forgets all versions of all objects but the present ones, and returns the revision up to which they are forgotten. */
  async compact(): Promise<string> {
    const { header } = await this.#ask<{ header: Header }>('/v3/maintenance/status', {});
    await this.#ask('/v3/kv/compaction', { revision: header.revision, physical: true });
    return header.revision;
  }

  #ask<Answer>(path: string, body: unknown): Promise<Answer> {
    const options = {
      socketPath: this.#socketPath,
      path,
      method: 'POST',
      signal: AbortSignal.timeout(30_000),
    };
    return new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        json(response).then((answer) => {
          if (response.statusCode === 200) resolve(answer as Answer);
          else reject(new Error(`etcd: ${path}: ${response.statusCode} ${JSON.stringify(answer)}`));
        }, reject);
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(body));
    });
  }
}
