import type { LookupAddress } from 'node:dns';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { request } from 'undici';
import { AddressRules } from '../../src/sending/address-rules.js';
import { type AttemptResult, AttemptSender } from '../../src/sending/attempt-sender.js';
import { createGuardedAgent, type GuardedAgentOptions } from '../../src/sending/guarded-agent.js';
import { TestAuthority } from '../support/certificates.js';
import { waitFor } from '../support/processes.js';

// The network of these tests is loopback alone: 127.0.0.2 is opened and plays the public address, 127.0.0.1 is the
// private one that must never be reached.
const OPEN = '127.0.0.2';
const CLOSED = '127.0.0.1';
const rules = new AddressRules({ allowedPrivateCidrs: [`${OPEN}/32`], httpsOnly: false });

interface Receiver {
  port: number;
  connectionsTo: string[];
  requests: number;
  openConnections: number;
}

const servers: Server[] = [];
const senders: AttemptSender[] = [];

afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.close()));
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** Listens on every loopback address and notes on which one it is reached. */
async function startReceiver(tls?: ServerOptions): Promise<Receiver> {
  const receiver: Receiver = { port: 0, connectionsTo: [], requests: 0, openConnections: 0 };
  const answer: Parameters<typeof createHttpServer>[1] = (incoming, response) => {
    receiver.requests += 1;
    incoming.resume().on('end', () => response.end('ok'));
  };
  const server = tls ? createHttpsServer(tls, answer) : createHttpServer(answer);
  server.on('connection', (socket: Socket) => {
    receiver.connectionsTo.push(socket.localAddress ?? '');
    receiver.openConnections += 1;
    socket.on('close', () => (receiver.openConnections -= 1));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  receiver.port = (server.address() as AddressInfo).port;
  return receiver;
}

function senderWith(options: Omit<GuardedAgentOptions, 'rules'>): AttemptSender {
  const sender = new AttemptSender(rules, createGuardedAgent({ rules, ...options }));
  senders.push(sender);
  return sender;
}

function send(sender: AttemptSender, url: string, timeoutMs = 5_000): Promise<AttemptResult> {
  return sender.send({ url, headers: {}, body: Buffer.from('{}'), timeoutMs });
}

const addresses = (...ips: string[]): LookupAddress[] => ips.map((address) => ({ address, family: 4 }));

describe('the address guard', () => {
  it('checks a name at every connect: allowed at first and private afterwards is refused without a packet', async () => {
    const receiver = await startReceiver();
    const answers = [addresses(OPEN), addresses(CLOSED)];
    const sender = senderWith({ resolveAll: () => Promise.resolve(answers.shift() ?? []), idleTimeoutMs: 20 });
    const url = `http://rebinding.example:${receiver.port}/`;

    expect(await send(sender, url)).toMatchObject({ outcome: 'succeeded', statusCode: 200 });
    await waitFor(() => receiver.openConnections === 0, { what: 'the connection to end' });
    expect(await send(sender, url)).toMatchObject({
      outcome: 'failed',
      statusCode: null,
      error: { code: 'address_refused', message: 'address refused' },
    });
    expect(receiver.connectionsTo).toEqual([OPEN]);
  });

  it.each([
    ['first', addresses(CLOSED, OPEN)],
    ['last', addresses(OPEN, CLOSED)],
  ])('refuses a name with several addresses when the private one comes %s', async (_where, answer) => {
    const receiver = await startReceiver();
    const sender = senderWith({ resolveAll: () => Promise.resolve(answer) });
    const result = await send(sender, `http://mixed.example:${receiver.port}/`);
    expect(result.error?.code).toBe('address_refused');
    expect(receiver.connectionsTo).toEqual([]);
  });

  it('refuses a socket that ended up at another address than the name resolved to, before a byte is sent', async () => {
    const receiver = await startReceiver();
    let reads = 0;
    const shifting: LookupAddress = {
      get address() {
        reads += 1;
        return reads === 1 ? OPEN : CLOSED;
      },
      family: 4,
    };
    const sender = senderWith({ resolveAll: () => Promise.resolve([shifting]) });
    const result = await send(sender, `http://shifting.example:${receiver.port}/`);
    expect(result.error?.code).toBe('address_refused');
    await waitFor(() => receiver.connectionsTo.length === 1 && receiver.openConnections === 0, {
      what: 'the connection, and its end',
    });
    expect(receiver.requests).toBe(0);
  });

  it.each([CLOSED, '[::1]', '[::ffff:127.0.0.2]', '169.254.169.254', '10.0.0.1'])(
    'refuses the literal %s also where nobody checked the URL before',
    async (host) => {
      const receiver = await startReceiver();
      const agent = createGuardedAgent({ rules });
      const attempt = request(`http://${host}:${receiver.port}/`, { dispatcher: agent, method: 'POST', body: '{}' });
      await expect(attempt).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
      expect(receiver.connectionsTo).toEqual([]);
      await agent.destroy();
    },
  );

  it('refuses a URL by its text without asking the resolver', async () => {
    let questions = 0;
    const resolveAll = (): Promise<LookupAddress[]> => {
      questions += 1;
      return Promise.resolve(addresses(OPEN));
    };
    const sender = senderWith({ resolveAll });
    for (const url of [
      'http://localhost:8080/',
      'http://user@a.example/',
      'ftp://a.example/',
      'http://a.example:22/',
    ]) {
      expect((await send(sender, url)).error).toEqual({ code: 'address_refused', message: 'address refused' });
    }
    expect(questions).toBe(0);
  });

  it('asks once for a name that many connections want at the same time', async () => {
    const receiver = await startReceiver();
    let questions = 0;
    let answer: (found: LookupAddress[]) => void = () => undefined;
    const resolveAll = (): Promise<LookupAddress[]> => {
      questions += 1;
      return new Promise((resolve) => (answer = resolve));
    };
    const sender = senderWith({ resolveAll });
    const attempts = Array.from({ length: 20 }, () => send(sender, `http://busy.example:${receiver.port}/`));
    await waitFor(() => questions > 0, { what: 'a question' });
    answer(addresses(OPEN));
    const outcomes = (await Promise.all(attempts)).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(Array.from({ length: 20 }, () => 'succeeded'));
    expect(questions).toBe(1);
  });

  it('keeps the deadline when the resolver never answers', async () => {
    const sender = senderWith({ resolveAll: () => new Promise(() => undefined), connectTimeoutMs: 1_000 });
    expect(await send(sender, 'http://silent.example/', 200)).toMatchObject({ error: { code: 'timeout' } });
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN'])('reports %s as a failure of the name', async (code) => {
    const failure = Object.assign(new Error(`getaddrinfo ${code} 10.0.0.53`), { code, syscall: 'getaddrinfo' });
    const sender = senderWith({ resolveAll: () => Promise.reject(failure) });
    expect((await send(sender, 'http://nowhere.example/')).error).toEqual({
      code: 'dns',
      message: 'the host name could not be resolved',
    });
  });

  it('tries the addresses of a name one after the other', async () => {
    const receiver = await startReceiver();
    const wider = new AddressRules({ allowedPrivateCidrs: ['127.0.0.0/8', '::1/128'], httpsOnly: false });
    const resolveAll = (): Promise<LookupAddress[]> =>
      Promise.resolve([{ address: '::1', family: 6 }, ...addresses(OPEN)]);
    const sender = new AttemptSender(wider, createGuardedAgent({ rules: wider, resolveAll }));
    senders.push(sender);
    expect(await send(sender, `http://two.example:${receiver.port}/`)).toMatchObject({ outcome: 'succeeded' });
  });

  it('does not use the proxy that the environment names', async () => {
    const [receiver, proxy] = [await startReceiver(), await startReceiver()];
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) process.env[name] = `http://${OPEN}:${proxy.port}`;
    try {
      const sender = senderWith({});
      expect(await send(sender, `http://${OPEN}:${receiver.port}/`)).toMatchObject({ outcome: 'succeeded' });
      expect(proxy.connectionsTo).toEqual([]);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

describe('TLS verification', () => {
  let own: TestAuthority;
  beforeAll(() => {
    own = new TestAuthority();
  });
  afterAll(() => own.remove());

  const senderTrusting = (...extraCertificates: string[]): AttemptSender =>
    senderWith({ extraCertificates, resolveAll: () => Promise.resolve(addresses(OPEN)) });

  it('delivers to a certificate that is valid for the name', async () => {
    const receiver = await startReceiver(own.certificateFor('good.example'));
    const result = await send(senderTrusting(own.certificate), `https://good.example:${receiver.port}/`);
    expect(result).toMatchObject({ outcome: 'succeeded', statusCode: 200 });
  });

  it('refuses an expired certificate, and says so', async () => {
    const receiver = await startReceiver(own.certificateFor('expired.example', { endDate: '20200102000000Z' }));
    const result = await send(senderTrusting(own.certificate), `https://expired.example:${receiver.port}/`);
    expect(result.error).toEqual({ code: 'tls', message: 'no trusted TLS connection (CERT_HAS_EXPIRED)' });
    expect(receiver.requests).toBe(0);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'refuses a certificate for another host, again when it comes back with a session of %s',
    async (version) => {
      const tls = { ...own.certificateFor('other.example'), minVersion: version, maxVersion: version };
      const receiver = await startReceiver(tls);
      const sender = senderTrusting(own.certificate);
      for (let count = 0; count < 3; count += 1) {
        const result = await send(sender, `https://wrong.example:${receiver.port}/`);
        expect(result.error).toEqual({
          code: 'tls',
          message: 'no trusted TLS connection (ERR_TLS_CERT_ALTNAME_INVALID)',
        });
      }
      expect(receiver.requests).toBe(0);
    },
  );

  it('refuses an unknown authority', async () => {
    const receiver = await startReceiver(own.certificateFor('unknown.example'));
    const result = await send(senderTrusting(), `https://unknown.example:${receiver.port}/`);
    expect(result.error?.code).toBe('tls');
    expect(receiver.requests).toBe(0);
  });

  it('fails on plain HTTP where TLS is expected, and on TLS where HTTP is', async () => {
    const [plain, encrypted] = [await startReceiver(), await startReceiver(own.certificateFor('mixed.example'))];
    const sender = senderTrusting(own.certificate);
    expect((await send(sender, `https://mixed.example:${plain.port}/`)).error?.code).toBe('tls');
    const result = await send(sender, `http://mixed.example:${encrypted.port}/`);
    expect(['invalid_response', 'connection_reset']).toContain(result.error?.code);
  });

  it('refuses a private address before the handshake', async () => {
    const receiver = await startReceiver(own.certificateFor('private.example'));
    const sender = senderWith({
      extraCertificates: [own.certificate],
      resolveAll: () => Promise.resolve(addresses(CLOSED)),
    });
    const result = await send(sender, `https://private.example:${receiver.port}/`);
    expect(result.error?.code).toBe('address_refused');
    expect(receiver.connectionsTo).toEqual([]);
  });
});
