import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { ApiApp, refusedFields, type Answer, type TestTenant } from '../support/api-app.js';
import { TestAuthority, type TestCertificate } from '../support/certificates.js';
import { makeTempFolder } from '../support/temp-folder.js';

interface TlsBody {
  ca: string | null;
  client_cert: string | null;
  client_key: string | null;
  client_cert_expires_at: string | null;
}
type EndpointBody = { id: string; tls: TlsBody | null } & Record<string, unknown>;

const URL = 'https://hooks.example.com/orders';

let authority: TestAuthority;
let client: TestCertificate;
let other: TestCertificate;
let expired: TestCertificate;
let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  authority = new TestAuthority();
  client = authority.certificateFor('acme.client');
  other = authority.certificateFor('other.client');
  expired = authority.certificateFor('expired.client', { endDate: '20200102000000Z' });
  const extraCaFile = join(makeTempFolder(), 'extra.pem');
  writeFileSync(extraCaFile, `# The company's own\n${authority.certificate}`);
  api = await ApiApp.start({
    config: { allowedPrivateCidrs: ['127.0.0.0/8'], extraCaFile },
    resolveAll: (hostname) =>
      hostname === 'inside.example'
        ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
        : Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
  });
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(async () => {
  await api.close();
  authority.remove();
});

const post = (tls: unknown, url = URL): Promise<Answer<EndpointBody>> =>
  tenant.call<EndpointBody>('POST', '/endpoints', { url, tls });
const create = async (tls: unknown, url?: string): Promise<EndpointBody> => {
  const answer = await post(tls, url);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
};
const patch = (id: string, body: object) => tenant.call<EndpointBody>('PATCH', `/endpoints/${id}`, body);
const columnsOf = async (id: string) =>
  (
    await api.db.query<{ tls: unknown; tls_key_sealed: string | null }[]>(
      'SELECT tls, tls_key_sealed FROM endpoints WHERE id = $1',
      [id],
    )
  )[0];

describe("an endpoint's certificates", () => {
  it('are none unless they are given', async () => {
    const endpoint = await create(undefined);
    expect(endpoint.tls).toBeNull();
    expect(await columnsOf(endpoint.id)).toEqual({ tls: null, tls_key_sealed: null });
    expect((await create(null)).tls).toBeNull();
    expect((await create({})).tls).toBeNull();
  });

  it('are shown again, the key never', async () => {
    const { id, tls } = await create({ ca: authority.certificate, client_cert: client.cert, client_key: client.key });
    expect(tls).toEqual({
      ca: authority.certificate,
      client_cert: client.cert,
      client_key: '***',
      client_cert_expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    });
    const { text } = await tenant.call('GET', `/endpoints/${id}`);
    expect(text).toContain('"client_key":"***"');
    expect(text + (await tenant.call('GET', '/endpoints')).text).not.toContain('PRIVATE KEY');
    const stored = await columnsOf(id);
    expect(stored?.tls_key_sealed).toMatch(/^v1\./);
    expect(JSON.stringify(stored)).not.toContain('PRIVATE KEY');
  });

  it('are replaced as a whole, and taken away by null', async () => {
    const { id } = await create({ client_cert: client.cert, client_key: client.key });
    expect((await patch(id, { description: 'x' })).body.tls?.client_cert).toBe(client.cert);
    const replaced = await patch(id, { tls: { ca: authority.certificate } });
    expect(replaced.body.tls).toEqual({
      ca: authority.certificate,
      client_cert: null,
      client_key: null,
      client_cert_expires_at: null,
    });
    expect(await columnsOf(id)).toMatchObject({ tls_key_sealed: null });
    expect((await patch(id, { tls: null })).body.tls).toBeNull();
    expect(await columnsOf(id)).toEqual({ tls: null, tls_key_sealed: null });
  });

  it('keep nothing of the texts but what was asked for', async () => {
    const stray = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { id } = await create({ ca: `note\n${stray}${authority.certificate}` });
    expect(JSON.stringify(await columnsOf(id))).not.toMatch(/PRIVATE|note/);
  });

  it.each<[string, () => unknown, string]>([
    ['no object', () => 'PEM', 'tls'],
    ['a list', () => [], 'tls'],
    ['an unknown field', () => ({ reject_unauthorized: false }), 'tls.reject_unauthorized'],
    ['a number', () => ({ ca: 1 }), 'tls.ca'],
    ['no PEM', () => ({ ca: 'trust me' }), 'tls.ca'],
    ['a certificate that is cut off', () => ({ ca: authority.certificate.slice(0, -40) }), 'tls.ca'],
    [
      'a certificate of nonsense',
      () => ({ ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }),
      'tls.ca',
    ],
    ['an expired authority', () => ({ ca: expired.cert }), 'tls.ca'],
    [
      'an expired client certificate',
      () => ({ client_cert: expired.cert, client_key: expired.key }),
      'tls.client_cert',
    ],
    ['a key without a certificate', () => ({ client_key: client.key }), 'tls.client_cert'],
    ['a certificate without a key', () => ({ client_cert: client.cert }), 'tls.client_key'],
    ["another certificate's key", () => ({ client_cert: client.cert, client_key: other.key }), 'tls.client_key'],
    ['the mask', () => ({ client_cert: client.cert, client_key: '***' }), 'tls.client_key'],
    ['a certificate as the key', () => ({ client_cert: client.cert, client_key: client.cert }), 'tls.client_key'],
    ['too many certificates', () => ({ ca: authority.certificate.repeat(21) }), 'tls.ca'],
    ['too long a text', () => ({ ca: authority.certificate + ' '.repeat(32_768) }), 'tls.ca'],
  ])('are refused when they are %s, without a word of them', async (_what, tls, field) => {
    const answer = await post(tls());
    expect(answer).toMatchObject({ status: 422, body: { type: 'urn:posthaste:problem:validation_failed' } });
    expect(refusedFields(answer)).toEqual([field]);
    expect(answer.text).not.toMatch(/BEGIN|trust me/);
  });

  it('are refused with a key under a passphrase or too short to be used', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' },
    });
    expect(refusedFields(await post({ client_cert: client.cert, client_key: privateKey }))).toEqual(['tls.client_key']);
    const folder = makeTempFolder();
    const files = ['-keyout', 'short.key', '-out', 'short.crt', '-subj', '/CN=short'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:512', '-nodes', ...files], { cwd: folder, stdio: 'pipe' });
    const read = (file: string): string => execFileSync('cat', [join(folder, file)], { encoding: 'utf8' });
    const answer = await post({ client_cert: read('short.crt'), client_key: read('short.key') });
    expect(refusedFields(answer)).toEqual(['tls']);
  });

  it('go with https alone, whichever of the two is changed', async () => {
    expect(refusedFields(await post({ ca: authority.certificate }, 'http://hooks.example.com/'))).toEqual(['tls']);
    const { id } = await create({ ca: authority.certificate });
    expect(refusedFields(await patch(id, { url: 'http://hooks.example.com/' }))).toEqual(['tls']);
    expect((await patch(id, { url: 'http://hooks.example.com/', tls: null })).status).toBe(200);
    expect(refusedFields(await patch(id, { tls: { ca: authority.certificate } }))).toEqual(['tls']);
  });
});

describe('a receiver inside that insists on client certificates', () => {
  let receiver: Server;
  const seen: string[] = [];
  beforeAll(async () => {
    const options = { ...authority.certificateFor('inside.example'), ca: authority.certificate, requestCert: true };
    receiver = createServer(options, (request, response) => {
      seen.push(((request.socket as TLSSocket).getPeerCertificate().subject as { CN: string }).CN);
      response.end('ok');
    });
    receiver.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => receiver.close(resolve)));

  it('gets deliveries of the endpoint that has one, trusted by way of EXTRA_CA_FILE', async () => {
    const url = `https://inside.example:${(receiver.address() as AddressInfo).port}/`;
    const test = async (id: string) =>
      (await tenant.call<{ outcome: string; error: string | null }>('POST', `/endpoints/${id}/test`)).body;
    const { id } = await create({ client_cert: client.cert, client_key: client.key }, url);
    expect(await test(id)).toMatchObject({ outcome: 'succeeded' });
    const without = await create(undefined, url);
    expect(await test(without.id)).toMatchObject({ outcome: 'failed' });
    expect(seen).toEqual(['acme.client']);
  });
});
