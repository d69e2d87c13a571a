import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type OutgoingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { DomainError } from './domain-error.js';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.js';
import { apiSecurityHeaders } from './security-headers.js';

/** How long the answer may take to reach a client that is still sending, before the connection is cut. */
const LINGER_MS = 1_000;

/**
 * Answers what Node's HTTP parser refuses, before there is a request: bytes that are no HTTP, headers that are too large or
 * too slow, a body that is too slow.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const answering = (socket as { _httpMessage?: OutgoingMessage | null })._httpMessage;
  // Into an answer that is under way nothing can be written; Node looks at the same.
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent === true) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const problem = problemOf(toDomainError(error.code), requestId);
  const body = JSON.stringify(problem);
  const headers = {
    ...apiSecurityHeaders,
    'content-type': PROBLEM_CONTENT_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': requestId,
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // Cut at once, what the client has yet to send would make its side throw the answer away.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.end(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

function toDomainError(code: string | undefined): DomainError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new DomainError('request_timeout', 'The request did not arrive in time.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') return new DomainError('headers_too_large', 'The headers are too large.');
  return new DomainError('malformed_request', 'This is not a valid HTTP request.');
}
