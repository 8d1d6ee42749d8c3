import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Component } from './component.ts';
import type { Host } from './host.ts';

/** Unix sockets below /run of the host's world, and the `host:port` that each leads to. */
export type Doors = Readonly<Record<string, string>>;

/** Lets the test talk to servers of a namespace; see bridge.mjs. A door of `/run/x.sock` is found at `host.path('/run/x.sock')`. */
export function createBridge(host: Host, doors: Doors): Component {
  const pairs = Object.entries(doors).map(([socket, server]) => `${socket}=${server}`);
  const argv = [process.execPath, join(import.meta.dirname, 'bridge.mjs'), ...pairs] as const;
  return new Component('bridge', () => host.start([...argv]));
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request in plain HTTP: GET, or POST when there is something to send. @throws Error when there is no answer within 10 seconds. */
export function ask(socketPath: string, path: string, body?: unknown): Promise<Answer> {
  const method = body === undefined ? 'GET' : 'POST';
  const signal = AbortSignal.timeout(10_000);
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method, signal, agent: false }, (response) => {
      text(response).then(
        (received) => resolve({ status: response.statusCode ?? 0, body: received }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
