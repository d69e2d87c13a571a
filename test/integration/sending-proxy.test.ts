import type { LookupAddress } from 'node:dns';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { AddressRules } from '../../src/sending/address-rules.js';
import { type AttemptResult, AttemptSender } from '../../src/sending/attempt-sender.js';
import { createGuardedAgent, type GuardedAgentOptions } from '../../src/sending/guarded-agent.js';
import { OutboundProxy } from '../../src/sending/outbound-proxy.js';
import { TestAuthority } from '../support/certificates.js';
import { ConnectProxy, type Route } from '../support/connect-proxy.js';

// The proxy alone reaches the receivers, which listen on 127.0.0.1; names resolve to what plays a public address.
const PUBLIC = '127.0.0.2';
const rules = new AddressRules({ allowedPrivateCidrs: [`${PUBLIC}/32`], httpsOnly: false });
const resolveTo =
  (...ips: string[]) =>
  (): Promise<LookupAddress[]> =>
    Promise.resolve(ips.map((address) => ({ address, family: 4 })));

interface Receiver {
  port: number;
  requests: IncomingMessage[];
  connections: number;
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let authority: TestAuthority;
beforeAll(() => {
  authority = new TestAuthority();
});
afterAll(() => authority.remove());

async function startReceiver(tls?: ServerOptions): Promise<Receiver> {
  const receiver: Receiver = { port: 0, requests: [], connections: 0 };
  const answer: Parameters<typeof createHttpServer>[1] = (incoming, response) => {
    receiver.requests.push(incoming);
    if (incoming.url === '/close') response.setHeader('connection', 'close');
    incoming.resume().on('end', () => response.end('ok'));
  };
  const server: Server = tls ? createHttpsServer(tls, answer) : createHttpServer(answer);
  server.on('connection', (_socket: Socket) => (receiver.connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  receiver.port = (server.address() as AddressInfo).port;
  return receiver;
}

async function startProxy(route: (authority: string) => Route, tls?: ServerOptions): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(route, tls);
  closers.push(() => proxy.close());
  return proxy;
}
const toLoopback = (): Route => ({ to: '127.0.0.1' });

function senderThrough(
  url: string,
  options: Partial<GuardedAgentOptions> = {},
  connectTimeoutMs = 2_000,
): AttemptSender {
  const secureContext = createSecureContext({ ca: authority.certificate });
  const proxy = new OutboundProxy(url, { connectTimeoutMs, secureContext });
  const extraCertificates = [authority.certificate];
  const agent = createGuardedAgent({ rules, proxy, extraCertificates, resolveAll: resolveTo(PUBLIC), ...options });
  const sender = new AttemptSender(rules, agent);
  closers.push(() => proxy.close());
  closers.push(() => sender.close(0));
  return sender;
}

const send = (sender: AttemptSender, url: string, timeoutMs = 5_000): Promise<AttemptResult> =>
  sender.send({ url, headers: { 'x-a': 'b' }, body: Buffer.from('{}'), timeoutMs });

describe('an outbound proxy', () => {
  it('carries http through a tunnel to the name, and its connection again', async () => {
    const [receiver, proxy] = [await startReceiver(), await startProxy(toLoopback)];
    const sender = senderThrough(proxy.url(), { connectionsPerOrigin: 1 });
    const url = `http://hooks.example:${receiver.port}/a?b=c`;
    for (let count = 0; count < 3; count += 1) {
      expect(await send(sender, url)).toMatchObject({ outcome: 'succeeded', statusCode: 200 });
    }
    expect(proxy.asked).toEqual([`hooks.example:${receiver.port}`]);
    expect(proxy.plainRequests).toBe(0);
    // In origin form and without a word of the proxy's: the receiver can't tell.
    expect(receiver.requests.map(({ url: path }) => path)).toEqual(['/a?b=c', '/a?b=c', '/a?b=c']);
    expect(Object.keys(receiver.requests[0]?.headers ?? {}).filter((name) => name.startsWith('proxy-'))).toEqual([]);
  });

  it('carries https, verified against the name from end to end', async () => {
    const proxy = await startProxy(toLoopback);
    const sender = senderThrough(proxy.url());
    const good = await startReceiver(authority.certificateFor('good.example'));
    expect(await send(sender, `https://good.example:${good.port}/`)).toMatchObject({ outcome: 'succeeded' });
    const result = await send(sender, `https://wrong.example:${good.port}/`);
    expect(result.error).toEqual({ code: 'tls', message: 'no trusted TLS connection (ERR_TLS_CERT_ALTNAME_INVALID)' });
    expect(good.requests).toHaveLength(1);
  });

  it('may itself be reached by https, and is then verified too', async () => {
    const receiver = await startReceiver();
    const trusted = await startProxy(toLoopback, authority.certificateFor('proxy.example', { address: '127.0.0.1' }));
    expect(await send(senderThrough(trusted.url()), `http://hooks.example:${receiver.port}/`)).toMatchObject({
      outcome: 'succeeded',
    });
    const untrusted = await startProxy(toLoopback, authority.certificateFor('elsewhere.example'));
    const attempt = send(senderThrough(untrusted.url()), `http://hooks.example:${receiver.port}/`);
    await expect(attempt).rejects.toThrow('the outbound proxy can not be reached');
    expect(untrusted.asked).toEqual([]);
  });

  it('gets our credentials, which no error repeats', async () => {
    const receiver = await startReceiver();
    const proxy = await startProxy(toLoopback);
    const url = `http://hooks.example:${receiver.port}/`;
    await send(senderThrough(proxy.url('us%40er:p%3Ass')), url);
    expect(proxy.authorizations).toEqual([`Basic ${Buffer.from('us@er:p:ss').toString('base64')}`]);
    const strict = await startProxy(() => ({ status: 407, headers: { 'proxy-authenticate': 'Basic realm="x"' } }));
    const failure = await send(senderThrough(strict.url('user:hunter2')), url).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'OUTBOUND_PROXY',
      message: 'the outbound proxy does not take our credentials',
    });
    const told = JSON.stringify(failure, Object.getOwnPropertyNames(failure)) + String((failure as Error).cause);
    expect(told).not.toMatch(/hunter2|aHVudGVyM|127\.0\.0\.1/);
  });

  it.each([
    ['a literal', 'http://10.0.0.7:PORT/', [PUBLIC]],
    ['a name that resolves to a private address here', 'http://inside.example:PORT/', ['10.0.0.7']],
    ['a name with a private address among public ones', 'http://mixed.example:PORT/', [PUBLIC, '127.0.0.1']],
    ['a local name', 'http://localhost:PORT/', [PUBLIC]],
  ])('is not even asked for %s', async (_what, template, ips) => {
    const [receiver, proxy] = [await startReceiver(), await startProxy(toLoopback)];
    const sender = senderThrough(proxy.url(), { resolveAll: resolveTo(...ips) });
    const result = await send(sender, template.replace('PORT', String(receiver.port)));
    expect(result.error?.code).toBe('address_refused');
    expect([proxy.connections, receiver.connections]).toEqual([0, 0]);
  });

  it('is asked again by name after our own check at every connect: a rebinding name is refused the second time', async () => {
    const [receiver, proxy] = [await startReceiver(), await startProxy(toLoopback)];
    const answers = [PUBLIC, '127.0.0.1'];
    const resolveAll = (): Promise<LookupAddress[]> => resolveTo(answers.shift() ?? '127.0.0.1')();
    const sender = senderThrough(proxy.url(), { resolveAll });
    const url = `http://rebinding.example:${receiver.port}/close`;
    expect(await send(sender, url)).toMatchObject({ outcome: 'succeeded' });
    expect((await send(sender, url)).error?.code).toBe('address_refused');
    expect(proxy.asked).toHaveLength(1);
  });

  it.each<[string, Route, string]>([
    ['its rules forbid', { status: 403 }, 'address_refused'],
    ['its rules forbid, as Smokescreen tells it', { status: 407 }, 'address_refused'],
    ['it can not reach', { status: 502 }, 'unreachable'],
    ['it waits for in vain', { status: 504 }, 'timeout'],
  ])('makes an attempt of a receiver that %s', async (_what, route, code) => {
    const proxy = await startProxy(() => route);
    const result = await send(senderThrough(proxy.url()), 'https://hooks.example/');
    expect(result).toMatchObject({ outcome: 'failed', statusCode: null, error: { code } });
  });

  it('that does not answer holds an attempt no longer than its deadline', async () => {
    const proxy = await startProxy(() => null);
    const result = await send(senderThrough(proxy.url()), 'https://hooks.example/', 300);
    expect(result).toMatchObject({ error: { code: 'timeout' } });
  });

  it('that is away is a fault of ours, not an attempt', async () => {
    const proxy = await startProxy(toLoopback);
    const url = proxy.url('user:hunter2');
    await proxy.close();
    closers.splice(closers.length - 1, 1);
    const failure = await send(senderThrough(url), 'http://hooks.example/').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'OUTBOUND_PROXY', message: 'the outbound proxy can not be reached' });
    expect(String((failure as Error).stack)).not.toContain('hunter2');
  });
});
