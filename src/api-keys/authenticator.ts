import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { DomainError } from '../common/domain-error.js';
import { isUuid } from '../common/ids.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { parseApiKey } from './api-key-format.js';
import { SCOPES, type Scope } from './api-key.entity.js';
import type { Caller, CallerTenant } from './caller.js';

/** How long a looked-up key or tenant is believed: a revoked key ends on every process within this time. */
const CACHE_MS = 1_000;
const LAST_USED_EVERY_MS = 60_000;
const ALL_SCOPES: ReadonlySet<Scope> = new Set(SCOPES);

interface KnownKey {
  caller: Caller & { tenant: CallerTenant; keyId: string };
  /** Milliseconds since the epoch; null: never. */
  expiresAt: number | null;
}

interface KeyRow {
  id: string;
  scopes: Scope[];
  expires_at: Date | null;
  revoked_at: Date | null;
  tenant_id: string;
  status: CallerTenant['status'];
  rate_limit: number | null;
}

/** Turns a presented key into a caller. */
@Injectable()
export class Authenticator {
  private readonly operatorHash: Buffer;
  private readonly lastUsedWrittenAt = new LRUCache<string, number>({ max: 10_000 });
  // `fetch` coalesces look-ups of one key that come at the same time into a single query.
  private readonly keys: LRUCache<string, { known: KnownKey | null }, Buffer>;
  private readonly tenants: LRUCache<string, { tenant: CallerTenant | null }>;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    config: Config,
  ) {
    this.operatorHash = sha256(config.adminApiKey);
    this.keys = new LRUCache({
      max: 10_000,
      ttl: CACHE_MS,
      fetchMethod: async (_key, _stale, { context }) => ({ known: await this.loadKey(context) }),
    });
    this.tenants = new LRUCache({
      max: 10_000,
      ttl: CACHE_MS,
      fetchMethod: async (id) => ({ tenant: await this.loadTenant(id) }),
    });
  }

  /** Compares digests, so that neither length nor content of the operator's key shows in the time it takes. */
  isOperator(presentedKey: string): boolean {
    return timingSafeEqual(sha256(presentedKey), this.operatorHash);
  }

  /** @throws DomainError `tenant_required` or `not_found` when the operator names no known tenant. */
  async operatorFor(tenantId: string | undefined): Promise<Caller> {
    if (tenantId === undefined) {
      throw new DomainError(
        'tenant_required',
        'The operator acts for a tenant here: name it in the X-Tenant-Id header.',
      );
    }
    const tenant = isUuid(tenantId) ? (await this.tenants.fetch(tenantId.toLowerCase()))?.tenant : null;
    if (!tenant) throw new DomainError('not_found', 'No such tenant.');
    return { ...this.operator(), tenant };
  }

  operator(): Caller {
    return { kind: 'operator', keyId: null, scopes: ALL_SCOPES, tenant: null };
  }

  /**
   * Who holds this API key.
   * @throws DomainError `unauthorized` for a key that is malformed, unknown, expired or revoked: all look alike.
   */
  async tenantKey(presentedKey: string): Promise<Caller & { tenant: CallerTenant }> {
    // A mistyped key fails its checksum here, without a look-up.
    const parsed = parseApiKey(presentedKey);
    const entry = parsed && (await this.keys.fetch(parsed.hash.toString('base64'), { context: parsed.hash }));
    const known = entry?.known ?? null;
    if (known === null || (known.expiresAt !== null && known.expiresAt <= Date.now())) {
      throw new DomainError('unauthorized', 'The API key is not valid.');
    }
    this.noteUse(known.caller.keyId);
    return known.caller;
  }

  /** Called when a key or tenant changes in this process, where it then holds at once. */
  forget(): void {
    this.keys.clear();
    this.tenants.clear();
  }

  private async loadKey(hash: Buffer): Promise<KnownKey | null> {
    const rows = await this.db.query<KeyRow[]>(
      `SELECT k.id, k.scopes, k.expires_at, k.revoked_at, t.id AS tenant_id, t.status, t.rate_limit
       FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
       WHERE k.key_hash = $1`,
      [hash],
    );
    const row = rows[0];
    if (row === undefined || row.revoked_at !== null) return null;
    return {
      caller: {
        kind: 'api_key',
        keyId: row.id,
        scopes: new Set(row.scopes),
        tenant: { id: row.tenant_id, status: row.status, rateLimit: row.rate_limit },
      },
      expiresAt: row.expires_at?.getTime() ?? null,
    };
  }

  private async loadTenant(id: string): Promise<CallerTenant | null> {
    const tenant = await this.db.getRepository(Tenant).findOneBy({ id });
    return tenant && { id: tenant.id, status: tenant.status, rateLimit: tenant.rateLimit };
  }

  /** At most once a minute a key, and never in the way of the request. */
  private noteUse(keyId: string): void {
    const now = Date.now();
    if ((this.lastUsedWrittenAt.get(keyId) ?? 0) > now - LAST_USED_EVERY_MS) return;
    this.lastUsedWrittenAt.set(keyId, now);
    this.db
      .query(`UPDATE api_keys SET last_used_at = now() WHERE id = $1`, [keyId])
      .catch(() => this.lastUsedWrittenAt.delete(keyId));
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
