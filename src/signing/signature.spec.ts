import { execFileSync } from 'node:child_process';
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { prepareSigningKeys, signatureHeaders, signWithKeys } from './signature.js';
import { decodeSymmetricSecret, generateSecret, InvalidSecretError, publicKeyOf } from './webhook-secret.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ED25519_SECRET = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';
const MESSAGE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampSeconds: 1614265330,
  body: Buffer.from('{"test": 2432232314}'),
};
const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe('signatures', () => {
  it('signs the vector of Standard Webhooks v1', () => {
    expect(signatureHeaders({ scheme: 'standard', secrets: [SECRET], ...MESSAGE })).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('signs the vector of Standard Webhooks v1a', () => {
    const headers = signatureHeaders({ scheme: 'standard-ed25519', secrets: [ED25519_SECRET], ...MESSAGE });
    expect(headers['webhook-signature']).toBe(
      'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
    );
  });

  it.each([
    ['text outside ASCII', '{"data":"grüß dich 👋 \\u0000"}'],
    ['an empty body', ''],
    ['white space and big integers', '{ "n" : 9007199254740993.0 }\n'],
  ])('is verified by the standardwebhooks package for %s', (_what, text) => {
    const headers = signatureHeaders({
      scheme: 'standard',
      secrets: [SECRET],
      id: 'evt-1',
      timestampSeconds: nowSeconds(),
      body: Buffer.from(text),
    });
    // An empty body passes the signature and then fails as JSON, so the package's own verdict is the signature it makes.
    expect(new Webhook(SECRET).sign('evt-1', new Date(Number(headers['webhook-timestamp']) * 1000), text)).toBe(
      headers['webhook-signature'],
    );
    if (text !== '') expect(() => new Webhook(SECRET).verify(text, headers)).not.toThrow();
  });

  it('is refused by the standardwebhooks package when one byte of the body differs', () => {
    const message = { id: 'evt-1', timestampSeconds: nowSeconds(), body: Buffer.from('{"a":1}') };
    const headers = signatureHeaders({ scheme: 'standard', secrets: [SECRET], ...message });
    expect(() => new Webhook(SECRET).verify('{"a":2}', headers)).toThrow('No matching signature');
  });

  it('agrees with openssl dgst on all three schemes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'posthaste-signature-'));
    try {
      const body = randomBytes(3000);
      const message = { id: 'evt-2', timestampSeconds: 1700000000, body };
      const signedPath = join(folder, 'signed');
      const bodyPath = join(folder, 'body');
      writeFileSync(signedPath, Buffer.concat([Buffer.from('evt-2.1700000000.'), body]));
      writeFileSync(bodyPath, body);

      const hmac = (keyHex: string, path: string): Buffer =>
        execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${keyHex}`, '-binary', path]);

      const standard = signatureHeaders({ scheme: 'standard', secrets: [SECRET], ...message });
      const key = decodeSymmetricSecret(SECRET).toString('hex');
      expect(standard['webhook-signature']).toBe(`v1,${hmac(key, signedPath).toString('base64')}`);

      const plainSecret = 'a secret of plain words';
      const plain = signatureHeaders({ scheme: 'sha256', secrets: [plainSecret], ...message });
      const plainKey = Buffer.from(plainSecret).toString('hex');
      expect(plain['x-webhook-signature']).toBe(`sha256=${hmac(plainKey, bodyPath).toString('hex')}`);

      const asymmetric = signatureHeaders({ scheme: 'standard-ed25519', secrets: [ED25519_SECRET], ...message });
      const signaturePath = join(folder, 'signature');
      writeFileSync(signaturePath, Buffer.from(asymmetric['webhook-signature']?.slice(4) ?? '', 'base64'));
      const publicPath = join(folder, 'public.pem');
      writeFileSync(publicPath, publicKeyFrom(publicKeyOf(ED25519_SECRET)).export({ type: 'spki', format: 'pem' }));
      const verifyArguments = ['-verify', '-pubin', '-inkey', publicPath, '-rawin'];
      const verdict = execFileSync(
        'openssl',
        ['pkeyutl', ...verifyArguments, '-in', signedPath, '-sigfile', signaturePath],
        { encoding: 'utf8' },
      );
      expect(verdict).toContain('Signature Verified Successfully');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('signs with the old secrets too during a rotation, the current one first', () => {
    const old = generateSecret('standard');
    const message = { id: 'evt-3', timestampSeconds: nowSeconds(), body: Buffer.from('{}') };
    const headers = signatureHeaders({ scheme: 'standard', secrets: [SECRET, old], ...message });
    const alone = signatureHeaders({ scheme: 'standard', secrets: [SECRET], ...message });
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(2);
    expect(headers['webhook-signature']?.startsWith(`${alone['webhook-signature']} `)).toBe(true);
    expect(() => new Webhook(old).verify('{}', headers)).not.toThrow();
    expect(() => new Webhook(SECRET).verify('{}', headers)).not.toThrow();
  });

  it('signs with ten old secrets at most', () => {
    const secrets = Array.from({ length: 14 }, () => generateSecret('standard'));
    const headers = signatureHeaders({ scheme: 'standard', secrets, ...MESSAGE });
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(11);
  });

  it('keeps one value in the sha256 header and moves old secrets to a header of their own', () => {
    const headers = signatureHeaders({ scheme: 'sha256', secrets: ['k'.repeat(20), 'o'.repeat(20)], ...MESSAGE });
    const current = signatureHeaders({ scheme: 'sha256', secrets: ['k'.repeat(20)], ...MESSAGE });
    const old = signatureHeaders({ scheme: 'sha256', secrets: ['o'.repeat(20)], ...MESSAGE });
    expect(headers).toEqual({
      'webhook-id': MESSAGE.id,
      'webhook-timestamp': '1614265330',
      'x-webhook-signature': current['x-webhook-signature'],
      'x-webhook-signature-previous': old['x-webhook-signature'],
    });
    expect(current).not.toHaveProperty('x-webhook-signature-previous');
  });

  it('leaves out an old secret of another scheme but never the current one', () => {
    expect(prepareSigningKeys('standard', [SECRET, 'a plain sha256 secret', ED25519_SECRET])).toHaveLength(1);
    expect(() => prepareSigningKeys('standard', ['a plain sha256 secret', SECRET])).toThrow(InvalidSecretError);
    expect(() => prepareSigningKeys('standard', [])).toThrow(InvalidSecretError);
  });

  it('makes ed25519 signatures that the generated public key verifies', () => {
    const secret = generateSecret('standard-ed25519');
    const keys = prepareSigningKeys('standard-ed25519', [secret]);
    const signature = signWithKeys(keys, MESSAGE)['webhook-signature']?.slice('v1a,'.length) ?? '';
    const content = Buffer.concat([Buffer.from(`${MESSAGE.id}.${MESSAGE.timestampSeconds}.`), MESSAGE.body]);
    const publicKey = publicKeyFrom(publicKeyOf(secret));
    expect(verify(null, content, publicKey, Buffer.from(signature, 'base64'))).toBe(true);
  });
});

function publicKeyFrom(text: string): ReturnType<typeof createPublicKey> {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(text.slice(5), 'base64')]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}
