/** What the prober is asked, one JSON line each. */
export type Order =
  | {
      /** Connects to a Service again and again until one of the endpoints takes a connection. */
      readonly do: 'await';
      readonly virtual: string;
      readonly endpoints: readonly string[];
      readonly milliseconds: number;
    }
  /** Times first packets to a Service whose endpoints are elsewhere. */
  | { readonly do: 'first-packets'; readonly virtual: string; readonly packets: number }
  /** Asks an HTTP server of the node. */
  | { readonly do: 'get'; readonly url: string };

export interface Answers {
  /** When it arrived, in milliseconds since 1970; undefined: not in time. */
  readonly await: { readonly arrived?: number };
  /** Microseconds inside `send`. */
  readonly 'first-packets': { readonly p50: number; readonly p99: number };
  /** Undefined: it does not answer. */
  readonly get: { readonly body?: string };
}

/** The pods of the benchmark; the node takes them for its own while it connects to Services, so that every connection ends at once. */
export const podNetworks = ['10.130.0.0/15', '10.250.0.0/16'] as const;
