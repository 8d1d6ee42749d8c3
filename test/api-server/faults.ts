/** What goes wrong with an answer. */
export type Fault =
  /** The connection is closed instead of an answer. */
  | { readonly kind: 'close' }
  /** The answer breaks off in the middle of its first line or object. */
  | { readonly kind: 'close-mid-line' }
  /** TCP RST instead of an answer; `body`: after the head and the first piece. */
  | { readonly kind: 'reset'; readonly when?: 'request' | 'body' }
  /** Nothing comes, and nothing is closed: at all, after the head, or after the first piece of the body. */
  | { readonly kind: 'silence'; readonly after: 'request' | 'head' | 'body' }
  /** An error with a Status object. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** A line that is no JSON among the others; a list is spoilt in the middle. */
  | { readonly kind: 'malformed-line' }
  /** An object with an annotation of so many characters. */
  | { readonly kind: 'giant-line'; readonly characters: number }
  | { readonly kind: 'gzip' }
  /** So many bytes at a time, so far apart. */
  | { readonly kind: 'trickle'; readonly bytes: number; readonly milliseconds: number }
  /** 410 Expired as HTTP status, or as an ERROR event of a watch. */
  | { readonly kind: 'gone'; readonly how: 'status' | 'event' }
  /** Status 200 with a page for people. */
  | { readonly kind: 'html' }
  /** Status 302 to another address. */
  | { readonly kind: 'redirect'; readonly to: string }
  /** Any answer. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    };

/** Which requests a fault meets. */
export interface When {
  /** Beginning of the path: `/api/v1/services`. Undefined: any. */
  readonly path?: string;
  /** Only watches, or only others. */
  readonly watch?: boolean;
  /** Only requests with a method of this name. */
  readonly method?: string;
  /** The next so many; undefined: until cleared. */
  readonly times?: number;
}

export interface Faults {
  /** A later one goes before an earlier one. @returns ends it. */
  readonly add: (fault: Fault, when?: When) => () => void;
  readonly clear: () => void;
  /** The fault that meets the request; uses up one of its times. */
  take(request: {
    readonly path: string;
    readonly watch: boolean;
    readonly method: string;
  }): Fault | undefined;
}

export function createFaults(): Faults {
  interface Standing {
    readonly fault: Fault;
    readonly when: When;
    left: number;
  }
  let standing: Standing[] = [];
  return {
    add(fault, when = {}) {
      const entry = { fault, when, left: when.times ?? Number.POSITIVE_INFINITY };
      standing.unshift(entry);
      return () => {
        standing = standing.filter((each) => each !== entry);
      };
    },
    clear() {
      standing = [];
    },
    take({ path, watch, method }) {
      const found = standing.find(
        ({ when, left }) =>
          left > 0 &&
          path.startsWith(when.path ?? '') &&
          (when.watch ?? watch) === watch &&
          (when.method ?? method) === method,
      );
      if (found) found.left -= 1;
      return found?.fault;
    },
  };
}
