import { printable } from '../../errors.ts';
import { type ApiAction, ApiError } from './client.ts';

/** Verification of the server's certificate, as OpenSSL and Node name it, in words that say what to look at. */
const certificateReasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
  CERT_REVOKED: "the server's certificate has been revoked",
  CERT_SIGNATURE_FAILURE: "the signature of the server's certificate is wrong",
  CERT_UNTRUSTED: "the server's certificate is not trusted",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is signed by itself, not by the given authority",
  INVALID_CA: "the authority of the server's certificate may not sign certificates",
  INVALID_PURPOSE: "the server's certificate is not for servers",
  SELF_SIGNED_CERT_IN_CHAIN: "another authority than the given one signed the server's certificate",
  UNABLE_TO_GET_ISSUER_CERT: "an authority of the server's certificate is missing",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "another authority than the given one signed the server's certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "another authority than the given one signed the server's certificate",
};

/** Failures below TLS. */
const networkReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was ended by this machine',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  EADDRNOTAVAIL: 'this machine has no address or port left to connect from',
  EMFILE: 'this process has too many open files',
  ENOTFOUND: 'the name is unknown to DNS',
  EAI_AGAIN: 'DNS does not answer',
};

/** Words of OpenSSL, most of them of alerts by which a server ends a handshake because of our side. */
const handshakeReasons: readonly (readonly [words: string, reason: string])[] = [
  ['wrong version number', 'the server does not speak TLS'],
  ['packet length too long', 'the server does not speak TLS'],
  ['alert certificate required', 'the server wants a client certificate'],
  ['alert certificate expired', 'our client certificate has expired, says the server'],
  ['alert bad certificate', 'the server refuses our client certificate'],
  ['alert certificate unknown', 'the server refuses our client certificate'],
  ['alert unknown ca', 'the server does not know the authority of our client certificate'],
  ['alert handshake failure', 'the server ends the handshake: it may want a client certificate'],
  ['alert protocol version', 'the server wants another version of TLS'],
];

/** What an error of node:net, node:tls, node:http or node:zlib means for a request. `wasCut`: TCP and TLS stood before. */
export function connectionError(server: string, action: ApiAction, cause: Error, wasCut: boolean): ApiError {
  const code = codeOf(cause);
  if (code.startsWith('HPE_') || code.startsWith('Z_')) {
    const reason = code.startsWith('Z_') ? `its compression is broken (${code})` : `it is no HTTP (${code})`;
    return new ApiError('NP-API-007', { server, ...action, reason }, { cause });
  }
  const reason = tlsReason(code, cause);
  if (reason !== undefined) return new ApiError('NP-API-003', { server, reason }, { cause });
  return new ApiError('NP-API-002', { server, reason: networkReason(code, cause) }, { wasCut, cause });
}

/** The code of the error, or of the first of many: one for each address of a name. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (!(error instanceof AggregateError)) return '';
  const first: unknown = error.errors[0];
  return first instanceof Error ? codeOf(first) : '';
}

function tlsReason(code: string, error: Error): string | undefined {
  const known = certificateReasons[code];
  if (known !== undefined) return known;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error);
  if (!/^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_)/.test(code)) return undefined;
  const { message } = error;
  const handshake = handshakeReasons.find(([words]) => message.includes(words));
  if (handshake) return handshake[1];
  const openssl = message.match(/SSL routines:[^:]*:([^:]+)/)?.[1] ?? message;
  return `OpenSSL says ${printable(openssl.trim()).slice(0, 200)}`;
}

function wrongName(error: Error): string {
  const host = 'host' in error && typeof error.host === 'string' ? error.host : 'this server';
  const cert = 'cert' in error && typeof error.cert === 'object' && error.cert !== null ? error.cert : {};
  const names =
    'subjectaltname' in cert && typeof cert.subjectaltname === 'string' ? cert.subjectaltname : 'others';
  return `the server's certificate is not for ${printable(host)} but for ${printable(names).slice(0, 200)}`;
}

function networkReason(code: string, error: Error): string {
  if (error.message.includes('before secure TLS connection')) {
    return 'the connection was closed during the TLS handshake';
  }
  if (error.message === 'socket hang up') return 'the connection was closed before an answer';
  if (error.message === 'aborted') return 'the connection was closed in the middle of the answer';
  return networkReasons[code] ?? printable(error.message === '' ? code : error.message).slice(0, 300);
}
