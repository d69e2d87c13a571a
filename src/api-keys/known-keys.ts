import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { Tenant } from '../tenants/tenant.entity.js';
import type { Scope } from './api-key.entity.js';
import type { Caller, CallerTenant } from './caller.js';

/** How long a looked-up key or tenant is believed: a revoked key ends on every process within this time. */
const CACHE_MS = 1_000;
const CACHED = 10_000;
const LAST_USED_EVERY_MS = 60_000;

export interface KnownKey {
  caller: Caller & { tenant: CallerTenant; keyId: string };
  /** Milliseconds since the epoch; null: never. */
  expiresAt: number | null;
}

interface KeyRow {
  id: string;
  scopes: Scope[];
  expires_at: Date | null;
  tenant_id: string;
  status: CallerTenant['status'];
  rate_limit: number | null;
  require_signed_publish: boolean;
}

const SELECT_KEY = `
  SELECT k.id, k.scopes, k.expires_at, t.id AS tenant_id, t.status, t.rate_limit, t.require_signed_publish
  FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
  WHERE k.revoked_at IS NULL`;

/** A cache whose look-ups at the same time are one query. */
const cacheOf = <Value extends object, Context>(
  load: (key: string, context: Context) => Promise<Value>,
): LRUCache<string, Value, Context> =>
  new LRUCache({
    max: CACHED,
    ttl: CACHE_MS,
    // A look-up that `forget` or an eviction comes upon still answers those who wait for it; it is only not kept.
    ignoreFetchAbort: true,
    fetchMethod: (key, _stale, { context }) => load(key, context),
  });

/** The API keys and tenants that requests name, remembered for a second: no query for each request. */
@Injectable()
export class KnownKeys {
  private readonly lastUsedWrittenAt = new LRUCache<string, number>({ max: CACHED });
  private readonly keysByHash = cacheOf<{ known: KnownKey | null }, Buffer>(async (_key, hash) => ({
    known: await this.load(`${SELECT_KEY} AND k.key_hash = $1`, [hash]),
  }));
  private readonly keysById = cacheOf<{ known: KnownKey | null }, { tenantId: string; id: string }>(
    async (_key, { tenantId, id }) => ({
      known: await this.load(`${SELECT_KEY} AND k.tenant_id = $1 AND k.id = $2`, [tenantId, id]),
    }),
  );
  private readonly tenants = cacheOf<{ tenant: CallerTenant | null }, undefined>(async (id) => ({
    tenant: await this.loadTenant(id),
  }));

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  /**
   * The key with this SHA-256, if it is good. A look-up by index is no leak through time: to learn from it one would have to
   * choose digests, and can choose only what is digested.
   */
  async byHash(hash: Buffer): Promise<KnownKey | null> {
    const entry = await this.keysByHash.fetch(hash.toString('base64'), { context: hash });
    return unlessExpired(entry?.known ?? null);
  }

  /** The key with this SHA-256, if it was looked up within the last second and is good; without a query. */
  remembered(hash: Buffer): KnownKey | null {
    return unlessExpired(this.keysByHash.get(hash.toString('base64'))?.known ?? null);
  }

  /** The tenant's key with this id, if it is good. */
  async byId(tenantId: string, id: string): Promise<KnownKey | null> {
    const entry = await this.keysById.fetch(`${tenantId}/${id}`, { context: { tenantId, id } });
    return unlessExpired(entry?.known ?? null);
  }

  async tenant(id: string): Promise<CallerTenant | null> {
    return (await this.tenants.fetch(id.toLowerCase(), { context: undefined }))?.tenant ?? null;
  }

  /** Called when a key or tenant changes in this process, where it then holds at once. */
  forget(): void {
    this.keysByHash.clear();
    this.keysById.clear();
    this.tenants.clear();
  }

  /** At most once a minute a key, whichever process it is used at, and never in the way of the request. */
  noteUse(keyId: string): void {
    const now = Date.now();
    if ((this.lastUsedWrittenAt.get(keyId) ?? 0) > now - LAST_USED_EVERY_MS) return;
    this.lastUsedWrittenAt.set(keyId, now);
    this.db
      .query(
        `UPDATE api_keys SET last_used_at = now()
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= now() - make_interval(secs => $2))`,
        [keyId, LAST_USED_EVERY_MS / 1_000],
      )
      .catch(() => this.lastUsedWrittenAt.delete(keyId));
  }

  private async load(sql: string, parameters: unknown[]): Promise<KnownKey | null> {
    const [row] = await this.db.query<KeyRow[]>(sql, parameters);
    if (row === undefined) return null;
    return {
      caller: {
        kind: 'api_key',
        keyId: row.id,
        scopes: new Set(row.scopes),
        tenant: {
          id: row.tenant_id,
          status: row.status,
          rateLimit: row.rate_limit,
          requireSignedPublish: row.require_signed_publish,
        },
      },
      expiresAt: row.expires_at?.getTime() ?? null,
    };
  }

  private async loadTenant(id: string): Promise<CallerTenant | null> {
    const tenant = await this.db.getRepository(Tenant).findOneBy({ id });
    if (tenant === null) return null;
    const { status, rateLimit, requireSignedPublish } = tenant;
    return { id, status, rateLimit, requireSignedPublish };
  }
}

const unlessExpired = (known: KnownKey | null): KnownKey | null =>
  known !== null && (known.expiresAt === null || known.expiresAt > Date.now()) ? known : null;
