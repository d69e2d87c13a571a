import { errors } from 'undici';

/** Why an attempt failed. Closed: metrics and the retry policy tell attempts apart by it. */
export type AttemptErrorCode =
  /** No complete response within the deadline. */
  | 'timeout'
  | 'connection_refused'
  /** The connection ended before a complete response. */
  | 'connection_reset'
  | 'unreachable'
  /** The host has no address, or its name servers did not answer. */
  | 'dns'
  /** No TLS connection, or a certificate that proves nothing. */
  | 'tls'
  /** Where the URL leads is not allowed; not worth a retry. */
  | 'address_refused'
  /** 3xx: never followed, since it leads where nobody checked. */
  | 'redirect'
  | 'headers_too_large'
  /** Not HTTP, or against its rules. */
  | 'invalid_response'
  /** A status other than 2xx and 3xx. */
  | 'http_status'
  /** Any other failure of the connection. */
  | 'network';

export interface AttemptError {
  readonly code: AttemptErrorCode;
  /** For people. Never holds an address, nor anything else about the network Posthaste runs in. */
  readonly message: string;
}

const MESSAGES: Record<Exclude<AttemptErrorCode, 'timeout' | 'redirect' | 'http_status'>, string> = {
  connection_refused: 'connection refused',
  connection_reset: 'the connection ended before a complete response',
  unreachable: 'the host is unreachable',
  dns: 'the host name could not be resolved',
  tls: 'no trusted TLS connection',
  address_refused: 'address refused',
  headers_too_large: 'the response headers are too large',
  invalid_response: 'the response is not valid HTTP',
  network: 'network error',
};

/** An {@link AttemptError} of a code that needs no more to be said than a detail, such as OpenSSL's error code. */
export function attemptError(code: keyof typeof MESSAGES, detail?: string): AttemptError {
  return { code, message: detail === undefined ? MESSAGES[code] : `${MESSAGES[code]} (${detail})` };
}

const CODES = new Map<string, keyof typeof MESSAGES>([
  ['ADDRESS_REFUSED', 'address_refused'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['ECONNABORTED', 'connection_reset'],
  ['EPIPE', 'connection_reset'],
  ['UND_ERR_SOCKET', 'connection_reset'],
  ['UND_ERR_INFO', 'connection_reset'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['EACCES', 'unreachable'],
  ['EPERM', 'unreachable'],
  ['ENOTFOUND', 'dns'],
  ['UND_ERR_HEADERS_OVERFLOW', 'headers_too_large'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'invalid_response'],
  ['EPROTO', 'tls'],
]);

const TIMEOUT_CODES = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);

// OpenSSL's verdicts on a certificate, as node's documentation of `tls` lists them ("X509 certificate error codes").
const CERTIFICATE_CODES = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CRL_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'OUT_OF_MEM',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'HOSTNAME_MISMATCH',
]);

// Ours, not the receiver's: out of files or memory, a request we built wrongly, sending on while shutting down, or a proxy
// of ours that is away.
const OWN_FAULTS = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'UND_ERR_INVALID_ARG',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'OUTBOUND_PROXY',
]);

/** Whether an error met while sending says nothing about the receiver: it must not count as an attempt. */
export function isOwnFault(error: unknown): boolean {
  return OWN_FAULTS.has(codeOf(error));
}

/** What an error of the connection, of TLS or of the HTTP parser means for the attempt. Goes by codes, not by texts. */
export function classifyNetworkError(error: unknown): AttemptError {
  const code = codeOf(error);
  if (TIMEOUT_CODES.has(code)) return { code: 'timeout', message: 'no connection in time' };
  const known = CODES.get(code);
  if (known !== undefined) return attemptError(known);
  if (code.startsWith('EAI_') || syscallOf(error) === 'getaddrinfo') return attemptError('dns');
  if (CERTIFICATE_CODES.has(code) || code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) {
    return attemptError('tls', code);
  }
  // undici 7 means to give its parser errors a code (HPE_…), but leaves it undefined.
  if (error instanceof errors.HTTPParserError) return attemptError('invalid_response');
  return attemptError('network');
}

function codeOf(error: unknown): string {
  const code = fieldOf(error, 'code');
  return typeof code === 'string' ? code : '';
}

function syscallOf(error: unknown): unknown {
  return fieldOf(error, 'syscall');
}

// Not by `instanceof Error`: errors of node's own modules may come from another realm (worker, vm).
function fieldOf(error: unknown, field: string): unknown {
  return typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[field] : undefined;
}
