import { errors } from 'undici';
import { classifyNetworkError, isOwnFault } from './attempt-error.js';

const errorOf = (fields: Record<string, string>): Error => Object.assign(new Error('connect 10.1.2.3:80'), fields);

describe('errors met while sending', () => {
  it.each([
    ['ECONNREFUSED', 'connection_refused'],
    ['ECONNRESET', 'connection_reset'],
    ['EPIPE', 'connection_reset'],
    ['UND_ERR_SOCKET', 'connection_reset'],
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['ENETUNREACH', 'unreachable'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['EPROTO', 'tls'],
    ['ADDRESS_REFUSED', 'address_refused'],
    ['UND_ERR_HEADERS_OVERFLOW', 'headers_too_large'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'invalid_response'],
    ['ERR_ASSERTION', 'network'],
    ['EVERYTHING_ELSE', 'network'],
  ])('takes %s for %s and keeps addresses out of the message', (code, expected) => {
    const error = classifyNetworkError(errorOf({ code }));
    expect(error.code).toBe(expected);
    expect(error.message).not.toContain('10.1.2.3');
    expect(isOwnFault(errorOf({ code }))).toBe(false);
  });

  it('knows a resolver error by the call that failed', () => {
    expect(classifyNetworkError(errorOf({ code: 'ESERVFAIL', syscall: 'getaddrinfo' })).code).toBe('dns');
  });

  it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'UND_ERR_INVALID_ARG', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED'])(
    'takes %s for a fault of ours',
    (code) => {
      expect(isOwnFault(errorOf({ code }))).toBe(true);
    },
  );

  it("knows an error of undici's parser, which has no code", () => {
    expect(classifyNetworkError(new errors.HTTPParserError('Expected HTTP/')).code).toBe('invalid_response');
  });

  it('takes what is no error at all for a network error', () => {
    expect(classifyNetworkError('broken').code).toBe('network');
    expect(classifyNetworkError(new Error('no code')).code).toBe('network');
  });
});
