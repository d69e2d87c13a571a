import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { EndedSession } from './ended-session.entity.js';

/** How long a session is believed to go on: one that is signed out of ends on every process within this time. */
const CACHE_MS = 1_000;
const CACHED = 10_000;

/** Sessions that were signed out of. Each is asked for once a second while it is used, as the key behind it is. */
@Injectable()
export class EndedSessions {
  private readonly known = new LRUCache<string, { hasEnded: boolean }>({
    max: CACHED,
    ttl: CACHE_MS,
    ignoreFetchAbort: true,
    fetchMethod: async (id) => ({ hasEnded: await this.db.getRepository(EndedSession).existsBy({ id }) }),
  });

  constructor(@InjectDataSource() private readonly db: DataSource) {}

  async has(id: string): Promise<boolean> {
    return (await this.known.fetch(id))?.hasEnded ?? false;
  }

  /** In this process it holds at once. */
  async add(id: string, expiresAt: Date): Promise<void> {
    await this.db.createQueryBuilder().insert().into(EndedSession).values({ id, expiresAt }).orIgnore().execute();
    this.known.set(id, { hasEnded: true });
  }
}
