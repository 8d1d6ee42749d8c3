import { type ErrorCode, NodeplaneError } from '../../errors.ts';

/** The API server, as far as a service proxy needs it: authenticated requests whose answers stream in. */
export interface ApiClient {
  /** `https://10.0.0.1:6443`, for messages. */
  readonly server: string;
  /**
   * Sends a request and resolves once the head of the answer is here, whatever its status.
   * @throws ApiError `NP-API-002`, `-003`, `-008`, `-009`. Reading `body` throws the same.
   */
  open(request: ApiRequest): Promise<ApiResponse>;
  /** Ends all connections; requests under way fail. */
  close(): void;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** With the query: `/api/v1/services?watch=true`. */
  readonly path: string;
  /** What is asked for, for messages: `list services`, `watch endpointslices.discovery.k8s.io`, `create events`. */
  readonly what: ApiAction;
  readonly body?: { readonly type: string; readonly text: string };
  /** The connection counts as dead after so long without a byte, before the head and in the body. */
  readonly silenceMilliseconds: number;
  /** Aborting ends the request at once; it and its body then throw the signal's reason. */
  readonly signal: AbortSignal;
}

/** A verb of RBAC and a resource with its group, as in a ClusterRole: `services`, `endpointslices.discovery.k8s.io`. */
export interface ApiAction {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'patch';
  readonly resource: string;
}

export interface ApiResponse {
  readonly status: number;
  /** Lower-case media type without parameters: `application/json`. */
  readonly mediaType: string;
  /** Seconds of a `Retry-After` header. */
  readonly retryAfterSeconds: number | undefined;
  /** The content as it comes in, decompressed. Leaving the iteration early closes the connection. */
  readonly body: AsyncIterable<Buffer>;
}

/** A request that failed. */
export class ApiError extends NodeplaneError {
  /** HTTP status, or `code` of a Status object; undefined when there was no answer. */
  readonly status: number | undefined;
  /** `reason` of a Status object: `Expired`, `Forbidden`. */
  readonly reason: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The connection stood, TLS included, and was then cut: a server was there. A load balancer without one cuts the handshake. */
  readonly wasCut: boolean;

  constructor(
    code: ErrorCode,
    parameters: Readonly<Record<string, string | number>>,
    about: {
      readonly status?: number | undefined;
      readonly reason?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly wasCut?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(code, parameters, about.cause);
    this.status = about.status;
    this.reason = about.reason;
    this.retryAfterSeconds = about.retryAfterSeconds;
    this.wasCut = about.wasCut ?? false;
  }
}
