import fc from 'fast-check';
import { base64url, CompactSign, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { randomBytes } from 'node:crypto';
import { TokenKey, type TokenUse } from './token-keys.js';
import { Tokens, type IssuedToken } from './tokens.js';

const encryptionKey = randomBytes(32).toString('base64');
const tokens = new Tokens([encryptionKey]);
const key = new TokenKey(encryptionKey);

const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);
const issue = (use: TokenUse = 'access', seconds = 60, by = tokens): Promise<IssuedToken> =>
  by.issue(use, { subject: 'key-1', claims: { scope: 'events:read' }, expiresAt: inSeconds(seconds) });
const verifies = async (token: string, by = tokens): Promise<boolean> => (await by.verify(['access'], token)) !== null;

/** A token as ours are but for what is said here, signed with the right key. */
function forged(claims: JWTPayload = {}, header: { alg?: string; kid?: string } = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const ours = { iss: 'posthaste', aud: 'posthaste:access', sub: 'key-1', jti: '1', iat: now, nbf: now, exp: now + 60 };
  const all = Object.entries({ ...ours, ...claims }).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(all))
    .setProtectedHeader({ alg: 'HS256', kid: `${key.id}.access`, ...header })
    .sign(key.signingKey('access'));
}

describe('a token', () => {
  afterEach(() => jest.useRealTimers());

  it('says who it is for, until when and what for, to whoever has the key', async () => {
    const { token, id, expiresAt } = await issue();
    const verified = await tokens.verify(['access', 'portal'], token);
    expect(verified).toMatchObject({ use: 'access', id, subject: 'key-1', claims: { scope: 'events:read' } });
    expect(verified?.expiresAt).toBe(expiresAt.getTime());
    // A second time, from memory.
    expect(await tokens.verify(['access'], token)).toEqual(verified);
  });

  it('is good for its own use alone, also when it is known already', async () => {
    for (const use of ['access', 'portal', 'session'] as const) {
      const { token } = await issue(use);
      for (const other of ['access', 'portal', 'session'] as const) {
        expect((await tokens.verify([other], token)) !== null).toBe(other === use);
      }
    }
  });

  it('ends, but for a few seconds of difference between two clocks', async () => {
    const { token } = await issue('access', 60);
    const now = Date.now();
    jest.useFakeTimers({ now, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    expect(await verifies(token)).toBe(true);
    const fresh = new Tokens([encryptionKey]);
    for (const [seconds, good] of [
      [59, true],
      [64, true],
      [66, false],
    ] as const) {
      jest.setSystemTime(now + seconds * 1_000);
      expect([await verifies(token), await verifies(token, fresh)]).toEqual([good, good]);
    }
  });

  it('is good under retired keys, and is signed with the first', async () => {
    const newKey = randomBytes(32).toString('base64');
    const rotated = new Tokens([newKey, encryptionKey]);
    const { token: old } = await issue();
    const { token: young } = await issue('access', 60, rotated);
    expect([await verifies(old, rotated), await verifies(young, rotated)]).toEqual([true, true]);
    expect(await verifies(young, tokens)).toBe(false);
    expect(await verifies(old, new Tokens([newKey]))).toBe(false);
  });

  it('is refused with any single character changed', async () => {
    const { token } = await issue();
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'AZaz09-_.=é'), async (index, wrong) => {
        if (token.charAt(index) === wrong) return;
        expect(await verifies(token.slice(0, index) + wrong + token.slice(index + 1))).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is refused in any other spelling of its signature', async () => {
    const { token } = await issue();
    const last = token.slice(-1);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const spellings = [...alphabet].map((character) => token.slice(0, -1) + character);
    const good = [];
    for (const spelling of spellings) if (await verifies(spelling)) good.push(spelling.slice(-1));
    expect(good).toEqual([last]);
  });

  it('is one that this test can forge', async () => {
    expect(await verifies(await forged())).toBe(true);
  });

  it.each<[string, () => Promise<string> | string]>([
    ['no algorithm', () => new UnsecuredJWT({ sub: 'key-1' }).setIssuer('posthaste').encode()],
    [
      'no algorithm, with the signature of one',
      async () => {
        const header = base64url.encode(JSON.stringify({ alg: 'none', kid: `${key.id}.access` }));
        return [header, ...(await forged()).split('.').slice(1)].join('.');
      },
    ],
    ['another algorithm', () => forged({}, { alg: 'HS512' })],
    ['another key', () => forged({}, { kid: `${key.id}.session` })],
    ['an unknown key', () => forged({}, { kid: 'ffffffff.access' })],
    ['no key', () => forged({}, { kid: undefined })],
    ['another issuer', () => forged({ iss: 'somebody' })],
    ['another audience', () => forged({ aud: 'posthaste:session' })],
    ['several audiences', () => forged({ aud: ['posthaste:access', 'posthaste:portal'] })],
    ['an end that is over', () => forged({ exp: Math.floor(Date.now() / 1_000) - 10 })],
    ['no end', () => forged({ exp: undefined })],
    ['a beginning that is to come', () => forged({ nbf: Math.floor(Date.now() / 1_000) + 60 })],
    ['no id', () => forged({ jti: undefined })],
    ['no subject', () => forged({ sub: undefined })],
    [
      'a content that is no JSON',
      () =>
        new CompactSign(Buffer.from('no JSON'))
          .setProtectedHeader({ alg: 'HS256', kid: `${key.id}.access` })
          .sign(key.signingKey('access')),
    ],
    ['a length beyond reason', () => forged({ more: 'x'.repeat(3_000) })],
  ])('is refused with %s', async (_what, make) => {
    expect(await verifies(await make())).toBe(false);
  });

  it.each(['', '.', '..', 'x.y.z', 'eyJ.eyJ.', 'ph_0000', `eyJ${'a'.repeat(40)}`, '\u0000'])(
    'is not %j',
    async (text) => {
      expect(await verifies(text)).toBe(false);
    },
  );
});

describe('a mark', () => {
  it('is of its text, its use and its key', () => {
    const other = new Tokens([randomBytes(32).toString('base64')]);
    const marks = [tokens.mark('csrf', 'a'), tokens.mark('csrf', 'b'), tokens.mark('operator-key', 'a')];
    expect(new Set([...marks, other.mark('csrf', 'a')]).size).toBe(4);
    expect(tokens.mark('csrf', 'a')).toBe(marks[0]);
  });
});
