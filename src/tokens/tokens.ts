import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { LRUCache } from 'lru-cache';
import { createHash } from 'node:crypto';
import { newId } from '../common/ids.js';
import { TOKEN_USES, TokenKey, type MarkUse, type TokenUse } from './token-keys.js';

const ALGORITHM = 'HS256';
const ISSUER = 'posthaste';
/** How far the clocks of two of our machines may be apart. */
const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_LENGTH = 2_048;
/**
 * A signature of HS256 is 43 characters of base64url, of which the last has two spare bits: only one of the four spellings
 * of the same bytes is ours.
 */
const SHAPE = /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const CACHED_TOKENS = 10_000;

export interface NewToken {
  subject: string;
  claims: JWTPayload;
  expiresAt: Date;
}

export interface IssuedToken {
  token: string;
  /** Its `jti`. */
  id: string;
  /** In whole seconds. */
  expiresAt: Date;
}

/** A token that is ours and in its time. */
export interface VerifiedToken {
  use: TokenUse;
  id: string;
  subject: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  claims: JWTPayload;
  /** What it was signed with. */
  key: TokenKey;
}

/** Signs and verifies JWTs (RFC 7519) for our own use: HS256 and nothing else. */
export class Tokens {
  private readonly current: TokenKey;
  private readonly byKeyId: ReadonlyMap<string, { key: TokenKey; use: TokenUse }>;
  // A backend sends one token many times; checking its signature each time would cost more than the rest of the guard.
  private readonly verified = new LRUCache<string, VerifiedToken>({ max: CACHED_TOKENS });

  /** @param encryptionKeys in base64; the first signs, and tokens signed with any verify */
  constructor(encryptionKeys: readonly [string, ...string[]]) {
    const [first, ...retired] = encryptionKeys;
    this.current = new TokenKey(first);
    const keys = [this.current, ...retired.map((key) => new TokenKey(key))];
    this.byKeyId = new Map(keys.flatMap((key) => TOKEN_USES.map((use) => [keyIdOf(key, use), { key, use }])));
  }

  async issue(use: TokenUse, { subject, claims, expiresAt }: NewToken): Promise<IssuedToken> {
    const id = newId();
    const nowSeconds = Math.floor(Date.now() / 1_000);
    const expiresSeconds = Math.floor(expiresAt.getTime() / 1_000);
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: keyIdOf(this.current, use) })
      .setIssuer(ISSUER)
      .setAudience(audienceOf(use))
      .setSubject(subject)
      .setJti(id)
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(expiresSeconds)
      .sign(this.current.signingKey(use));
    return { token, id, expiresAt: new Date(expiresSeconds * 1_000) };
  }

  /** @returns null for whatever is no token of ours for one of these uses, or not in its time */
  async verify(uses: readonly TokenUse[], token: string): Promise<VerifiedToken | null> {
    // Before any arithmetic: most of what is no token of ours doesn't even look like one.
    if (token.length > MAX_LENGTH || !SHAPE.test(token)) return null;
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.verified.get(digest) ?? (await this.check(uses, token));
    if (known === null || !uses.includes(known.use)) return null;
    if (known.expiresAt + CLOCK_TOLERANCE_SECONDS * 1_000 <= Date.now()) return null;
    this.verified.set(digest, known);
    return known;
  }

  /** @param key default: the one that signs now */
  mark(use: MarkUse, text: string, key: TokenKey = this.current): string {
    return key.mark(use, text);
  }

  private async check(uses: readonly TokenUse[], token: string): Promise<VerifiedToken | null> {
    let signedFor: { key: TokenKey; use: TokenUse } | undefined;
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid }) => {
          signedFor = this.byKeyId.get(kid ?? '');
          if (signedFor === undefined) throw new errors.JWKSNoMatchingKey();
          return signedFor.key.signingKey(signedFor.use);
        },
        {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: uses.map(audienceOf),
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          requiredClaims: ['sub', 'jti', 'iat', 'nbf', 'exp'],
        },
      );
      if (signedFor === undefined || payload.aud !== audienceOf(signedFor.use)) return null;
      const { sub = '', jti = '', exp = 0 } = payload;
      return { ...signedFor, id: jti, subject: sub, expiresAt: exp * 1_000, claims: payload };
    } catch (error) {
      // Whatever is wrong with a token is said by one of these; anything else is a fault of ours.
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }
}

const audienceOf = (use: TokenUse): string => `posthaste:${use}`;
const keyIdOf = (key: TokenKey, use: TokenUse): string => `${key.id}.${use}`;
