import { prepareSigningKeys, signWithKeys } from '../src/signing/signature.js';
import { generateSecret, publicKeyOf, type SignatureScheme } from '../src/signing/webhook-secret.js';
import { type Receiver, startReceiver } from './receiver.js';
import { verifyWebhook } from './verify-webhook.js';

let receiver: Receiver | undefined;

afterEach(async () => {
  await receiver?.close();
  receiver = undefined;
});

async function start(secret?: string): Promise<Receiver> {
  receiver = await startReceiver({ port: 0, quiet: true, ...(secret === undefined ? {} : { secret }) });
  return receiver;
}

async function post(path: string, headers: Record<string, string> = {}, body = '{"a":1}'): Promise<Response> {
  return fetch(`${receiver?.url}${path}`, { method: 'POST', headers, body, redirect: 'manual' });
}

function signed(scheme: SignatureScheme, secrets: string[], body: string, timestampSeconds: number) {
  const message = { id: 'evt-1', timestampSeconds, body: Buffer.from(body) };
  return signWithKeys(prepareSigningKeys(scheme, secrets), message);
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe('the demo receiver', () => {
  it('answers each path as it says', async () => {
    await start();
    expect((await post('/ok')).status).toBe(200);
    expect((await post('/ok?x=1')).status).toBe(200);
    expect((await post('/fail')).status).toBe(500);
    expect((await post('/gone')).status).toBe(410);
    expect((await post('/status/204')).status).toBe(204);
    expect((await post('/status/418')).status).toBe(418);
    expect((await post('/status/99')).status).toBe(404);
    const busy = await post('/retry-after/7');
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await (await post('/nowhere')).text()).toContain('/flaky');
  });

  it('fails twice for each webhook-id on /flaky, then succeeds', async () => {
    await start();
    const statuses: number[] = [];
    for (const id of ['a', 'b', 'a', 'a', 'b', 'b']) statuses.push((await post('/flaky', { 'webhook-id': id })).status);
    expect(statuses).toEqual([500, 500, 500, 200, 500, 200]);
  });

  it('takes two seconds on /slow, and closes without waiting for them', async () => {
    const slow = await start();
    const pending = post('/slow').then(
      () => 'answered',
      () => 'cut',
    );
    await post('/ok');
    await slow.close();
    expect(await pending).toBe('cut');
  });

  it('keeps what it received', async () => {
    const { received } = await start();
    await post(
      '/ok',
      { 'webhook-id': 'evt-1', 'webhook-event-type': 'order.created', 'webhook-attempt': '2' },
      '{"é":1}',
    );
    expect(received).toEqual([
      expect.objectContaining({
        path: '/ok',
        webhookId: 'evt-1',
        eventType: 'order.created',
        attempt: 2,
        status: 200,
        signature: 'not checked',
        body: '{"é":1}',
      }),
    ]);
  });

  it('says with EADDRINUSE that its port is taken', async () => {
    const { port } = await start();
    await expect(startReceiver({ port, quiet: true })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('verifies signatures with any of its secrets', async () => {
    const [first, second] = [generateSecret('standard'), generateSecret('standard')];
    const { received } = await start(`${first}, ${second}`);
    await post('/ok', signed('standard', [second], '{"a":1}', nowSeconds()));
    await post('/ok', signed('standard', [generateSecret('standard')], '{"a":1}', nowSeconds()));
    expect(received.map(({ signature }) => signature)).toEqual(['valid', 'invalid']);
  });
});

describe('the verification that receivers copy', () => {
  const body = '{"a":"grüße"}';
  const other = generateSecret('standard');
  const privateKey = generateSecret('standard-ed25519');
  const secretOf: Record<SignatureScheme, { signs: string; verifies: string; wrong: string }> = {
    standard: { signs: other, verifies: other, wrong: generateSecret('standard') },
    'standard-ed25519': {
      signs: privateKey,
      verifies: publicKeyOf(privateKey),
      wrong: publicKeyOf(generateSecret('standard-ed25519')),
    },
    sha256: { signs: other, verifies: other, wrong: 'another plain secret' },
  };

  it.each(['standard', 'standard-ed25519', 'sha256'] as const)(
    'accepts and refuses what it should for %s',
    (scheme) => {
      const { signs, verifies, wrong } = secretOf[scheme];
      const headers = signed(scheme, [signs], body, nowSeconds());
      expect(verifyWebhook(headers, Buffer.from(body), [verifies])).toEqual({ valid: true });
      expect(verifyWebhook(headers, Buffer.from(body), [wrong, verifies])).toEqual({ valid: true });
      expect(verifyWebhook(headers, Buffer.from(body), [wrong]).valid).toBe(false);
      expect(verifyWebhook(headers, Buffer.from(`${body} `), [verifies]).valid).toBe(false);
    },
  );

  it.each(['standard', 'sha256'] as const)('accepts the old secret of %s during a rotation', (scheme) => {
    const [current, old] = [generateSecret('standard'), generateSecret('standard')];
    const headers = signed(scheme, [current, old], body, nowSeconds());
    expect(verifyWebhook(headers, Buffer.from(body), [old])).toEqual({ valid: true });
    expect(verifyWebhook(headers, Buffer.from(body), [current])).toEqual({ valid: true });
  });

  it('refuses a delivery that is recorded and sent again later, and one without its headers', () => {
    const headers = signed('standard', [other], body, nowSeconds() - 301);
    expect(verifyWebhook(headers, Buffer.from(body), [other])).toMatchObject({ valid: false });
    expect(verifyWebhook({}, Buffer.from(body), [other])).toMatchObject({ valid: false });
  });
});
