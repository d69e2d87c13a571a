import type { LookupAddress } from 'node:dns';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { AddressRules } from '../../src/sending/address-rules.js';
import { type AttemptResult, AttemptSender } from '../../src/sending/attempt-sender.js';
import { createGuardedAgent, type GuardedAgentOptions } from '../../src/sending/guarded-agent.js';
import type { ReceiverTls } from '../../src/sending/receiver-tls.js';
import { TlsAgents } from '../../src/sending/tls-agents.js';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';

const rules = new AddressRules({ allowedPrivateCidrs: ['127.0.0.0/8'], httpsOnly: false });
const resolveAll = (): Promise<LookupAddress[]> => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let servers: TestAuthority;
let clients: TestAuthority;
beforeAll(() => {
  servers = new TestAuthority();
  clients = new TestAuthority();
});
afterAll(() => {
  servers.remove();
  clients.remove();
});

interface Receiver {
  port: number;
  connections: number;
  /** Who the client of each request proved to be; undefined: it showed no certificate. */
  seen: (string | undefined)[];
}

/** `hooks.example`, which asks for a client certificate of the clients' authority and, unless told otherwise, insists. */
async function startReceiver(options: ServerOptions = {}): Promise<Receiver> {
  const receiver: Receiver = { port: 0, connections: 0, seen: [] };
  const identity = servers.certificateFor('hooks.example');
  const asking = { ca: clients.certificate, requestCert: true, rejectUnauthorized: true };
  const server = createServer({ ...identity, ...asking, ...options }, (request, response) => {
    const subject = (request.socket as TLSSocket).getPeerCertificate().subject as { CN?: string } | undefined;
    receiver.seen.push(subject?.CN);
    request.resume().on('end', () => response.end('ok'));
  });
  server.on('connection', () => (receiver.connections += 1));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  receiver.port = (server.address() as AddressInfo).port;
  return receiver;
}

function startSender(max?: number, options: Partial<GuardedAgentOptions> = {}): AttemptSender {
  const own = { rules, resolveAll, extraCertificates: [servers.certificate], ...options };
  const tlsAgents = new TlsAgents((tls) => createGuardedAgent({ ...own, tls }), max);
  const sender = new AttemptSender(rules, createGuardedAgent(own), tlsAgents);
  closers.push(() => sender.close(0));
  return sender;
}

const tlsOf = (id: string, { cert, key }: TestCertificate, ca: string | null = null): ReceiverTls => ({
  id,
  ca,
  cert,
  key,
});

const send = (sender: AttemptSender, port: number, tls: ReceiverTls | null): Promise<AttemptResult> =>
  sender.send({
    url: `https://hooks.example:${port}/`,
    headers: {},
    body: Buffer.from('{}'),
    timeoutMs: 5_000,
    tls,
  });

describe('a client certificate', () => {
  it('is shown to a receiver that insists on one, which refuses everybody else', async () => {
    const receiver = await startReceiver();
    const sender = startSender();
    const acme = tlsOf('acme', clients.certificateFor('acme.client'));
    expect(await send(sender, receiver.port, acme)).toMatchObject({ outcome: 'succeeded' });
    const without = await send(sender, receiver.port, null);
    expect(without).toMatchObject({ outcome: 'failed', statusCode: null });
    const stranger = await send(sender, receiver.port, tlsOf('stranger', servers.certificateFor('stranger.client')));
    expect(stranger).toMatchObject({ outcome: 'failed', statusCode: null });
    expect(receiver.seen).toEqual(['acme.client']);
  });

  it("never carries another endpoint's deliveries to the same origin, however they are mixed", async () => {
    const receiver = await startReceiver({ rejectUnauthorized: false });
    const sender = startSender();
    const acme = tlsOf('acme', clients.certificateFor('acme.client'));
    const globex = tlsOf('globex', clients.certificateFor('globex.client'));
    const expected: (string | undefined)[] = [];
    // One after the other, so that each finds the connections that the others have left open.
    for (let round = 0; round < 5; round += 1) {
      for (const [tls, name] of [
        [acme, 'acme.client'],
        [null, undefined],
        [globex, 'globex.client'],
      ] as const) {
        expect(await send(sender, receiver.port, tls)).toMatchObject({ outcome: 'succeeded' });
        expected.push(name);
      }
    }
    expect(receiver.seen).toEqual(expected);
    // Kept alive within each: far fewer connections than requests.
    expect(receiver.connections).toBeLessThan(10);

    receiver.seen.length = 0;
    const all = Array.from({ length: 30 }, (_, index) => [acme, null, globex][index % 3] ?? null);
    await Promise.all(all.map((tls) => send(sender, receiver.port, tls)));
    const counts = ['acme.client', undefined, 'globex.client'].map(
      (name) => receiver.seen.filter((cn) => cn === name).length,
    );
    expect(counts).toEqual([10, 10, 10]);
  });

  it('is the new one as soon as the endpoint has another', async () => {
    const receiver = await startReceiver();
    const sender = startSender();
    await send(sender, receiver.port, tlsOf('acme 1', clients.certificateFor('old.client')));
    await send(sender, receiver.port, tlsOf('acme 2', clients.certificateFor('new.client')));
    expect(receiver.seen).toEqual(['old.client', 'new.client']);
  });

  it('costs a bounded number of agents: the one least used makes room without breaking what it has under way', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const seen: string[] = [];
    const server = createServer(servers.certificateFor('hooks.example'), (request, response) => {
      seen.push(request.headers['x-n'] as string);
      const answer = (): void => void response.end('ok');
      request.resume().on('end', () => (request.headers['x-n'] === '0' ? void held.then(answer) : answer()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const made: string[] = [];
    const own = { rules, resolveAll };
    const tlsAgents = new TlsAgents((tls) => {
      made.push(tls.id);
      return createGuardedAgent({ ...own, tls });
    }, 3);
    const sender = new AttemptSender(rules, createGuardedAgent(own), tlsAgents);
    closers.push(() => sender.close(0));
    const sendTo = (id: number): Promise<AttemptResult> =>
      sender.send({
        url: `https://hooks.example:${port}/`,
        headers: { 'x-n': String(id) },
        body: Buffer.from('{}'),
        timeoutMs: 5_000,
        tls: { id: String(id), ca: servers.certificate, cert: null, key: null },
      });
    const first = sendTo(0);
    for (const id of [1, 2, 3]) expect(await sendTo(id)).toMatchObject({ outcome: 'succeeded' });
    release();
    expect(await first).toMatchObject({ outcome: 'succeeded' });
    await sendTo(0);
    expect(made).toEqual(['0', '1', '2', '3', '0']);
  });
});

describe("an endpoint's own authorities", () => {
  it('are trusted instead of all others, those of the installation included', async () => {
    const receiver = await startReceiver({ requestCert: false });
    const sender = startSender();
    const own = (id: string, ca: string): ReceiverTls => ({ id, ca, cert: null, key: null });
    expect(await send(sender, receiver.port, null)).toMatchObject({ outcome: 'succeeded' });
    expect(await send(sender, receiver.port, own('right', servers.certificate))).toMatchObject({
      outcome: 'succeeded',
    });
    expect((await send(sender, receiver.port, own('wrong', clients.certificate))).error?.code).toBe('tls');
    expect(receiver.seen).toHaveLength(2);
  });

  it('still want the name in the certificate', async () => {
    const receiver = await startReceiver({ ...servers.certificateFor('other.example'), requestCert: false });
    const sender = startSender();
    const result = await send(sender, receiver.port, { id: 'x', ca: servers.certificate, cert: null, key: null });
    expect(result.error?.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(receiver.seen).toEqual([]);
  });
});
