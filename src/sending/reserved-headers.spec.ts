import { isReservedHeader, refusedHeaders } from './reserved-headers.js';

describe("an endpoint's own headers", () => {
  it('accepts what receivers ask for', () => {
    const headers = {
      Authorization: 'Bearer abc.def',
      'X-Tenant': 'acme',
      Cookie: 'a=b; c="d"',
      'X-Empty': '',
      'x_odd.name~': 'tab\tinside',
      'X-Long': 'v'.repeat(4096),
      'x-webhook-event': 'mine',
      'X-GitHub-Event': 'push',
    };
    expect(refusedHeaders(headers)).toEqual([]);
  });

  it.each([
    'Host',
    'content-length',
    'Content-Type',
    'Content-Encoding',
    'Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Expect',
    'HTTP2-Settings',
    'Proxy-Authorization',
    'proxy-connection',
    'webhook-id',
    'Webhook-Signature',
    'WEBHOOK-ANYTHING',
    'X-Webhook-Signature',
    'x-webhook-signature-previous',
    'User-Agent',
    'traceparent',
    '__proto__',
  ])('refuses the reserved name %s', (name) => {
    expect(isReservedHeader(name)).toBe(true);
    expect(refusedHeaders(Object.fromEntries([[name, 'x']]))).toEqual([
      expect.objectContaining({ name, reason: 'reserved' }),
    ]);
  });

  it.each(['', 'a b', 'a:b', 'a\r\nb', 'a\0', 'naïve', '(x)', 'x\u007f', 'x\n'])('refuses the name %j', (name) => {
    expect(refusedHeaders({ [name]: 'x' })).toEqual([expect.objectContaining({ reason: 'name' })]);
  });

  it.each(['a\r\nX-Injected: 1', 'a\nb', 'a\0b', 'a\u007f', 'a\u001b[0m', 'naïve', '👋', 'a\n'])(
    'refuses the value %j',
    (value) => {
      expect(refusedHeaders({ 'x-value': value })).toEqual([expect.objectContaining({ reason: 'value' })]);
    },
  );

  it('refuses names twice, values and names that are too long, and more than fifty', () => {
    expect(refusedHeaders({ 'X-A': '1', 'x-a': '2' })).toEqual([
      { name: 'x-a', reason: 'duplicate', message: 'named twice' },
    ]);
    expect(refusedHeaders({ 'x-a': 'v'.repeat(4097) })[0]?.reason).toBe('too_long');
    expect(refusedHeaders({ ['x'.repeat(129)]: 'v' })[0]?.reason).toBe('too_long');
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'v']));
    expect(refusedHeaders(many(50))).toEqual([]);
    expect(refusedHeaders(many(51))[0]?.reason).toBe('too_many');
  });
});
