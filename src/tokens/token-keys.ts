import { createHmac, hkdfSync } from 'node:crypto';

/** What a token is for. Each use has a key of its own, so that no token passes for one of another use. */
export const TOKEN_USES = ['access', 'portal', 'session'] as const;
export type TokenUse = (typeof TOKEN_USES)[number];

/** What is bound to a token or to a credential without being one. */
export type MarkUse = 'csrf' | 'operator-key';

const KEY_BYTES = 32;

/** All that is derived from one encryption key. */
export class TokenKey {
  /** Tells apart the keys of several encryption keys; says nothing of the key itself. */
  readonly id: string;
  private readonly signing: Readonly<Record<TokenUse, Uint8Array>>;
  private readonly marking: Readonly<Record<MarkUse, Buffer>>;

  /** @param encryptionKey 32 bytes in base64 */
  constructor(encryptionKey: string) {
    const derive = deriver(Buffer.from(encryptionKey, 'base64'));
    this.id = derive('key-id').toString('hex').slice(0, 8);
    this.signing = { access: derive('jwt:access'), portal: derive('jwt:portal'), session: derive('jwt:session') };
    this.marking = { csrf: derive('csrf'), 'operator-key': derive('operator-key') };
  }

  signingKey(use: TokenUse): Uint8Array {
    return this.signing[use];
  }

  /** A text's HMAC-SHA256 in base64url: who doesn't have the key can neither make it nor learn anything of the text. */
  mark(use: MarkUse, text: string): string {
    return createHmac('sha256', this.marking[use]).update(text, 'utf8').digest('base64url');
  }
}

/** HKDF (RFC 5869) without a salt, which a uniformly random key doesn't need; the label keeps the uses apart. */
function deriver(key: Buffer): (label: string) => Buffer {
  return (label) => Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `posthaste:${label}`, KEY_BYTES));
}
