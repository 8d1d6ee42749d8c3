import type { Json } from './resources.ts';

/** A Status object as the API server answers an error. */
export interface Failure {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds?: number | undefined;
  readonly details?: Json;
}

/** Reasons of apimachinery's `metav1.StatusReason`. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export function failure(status: number, message: string, more: Partial<Failure> = {}): Failure {
  return { status, reason: reasons[status] ?? 'Unknown', message, ...more };
}

export function statusText({ status, reason, message, retryAfterSeconds, details }: Failure): string {
  const all = { ...details, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  return `${JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(Object.keys(all).length > 0 ? { details: all } : {}),
    code: status,
  })}\n`;
}

/** A version that the server no longer has. */
export function expired(asked: string, oldest: number): Failure {
  return failure(410, `too old resource version: ${asked} (${oldest})`);
}
