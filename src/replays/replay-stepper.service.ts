import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { isDatabaseUnavailable } from '../common/database-errors.js';
import { Config } from '../config/config.js';
import { CHUNK_ITEMS, replayChunk, ReplayEnded } from './replay-chunk.js';
import { claimReplay, endReplay, postponeReplay, recordProgress, type ClaimedReplay } from './replay-state.query.js';

/** Of one replay: it should not push a tenant's events of today far back, nor a receiver over. */
const MAX_DELIVERIES_PER_SECOND = 500;
const PACE_MS = (CHUNK_ITEMS / MAX_DELIVERIES_PER_SECOND) * 1_000;

const MAX_FAILURES_IN_A_ROW = 20;
const WAIT_AFTER_FAILURE_MS = 1_000;

/** Does one chunk of whichever replay's turn it is; any number of processes may do so at once. */
@Injectable()
export class ReplayStepper {
  private readonly logger = new Logger(ReplayStepper.name);
  /** Of replays whose last chunk here went wrong: how often in a row, and where. */
  private readonly failures = new Map<string, { count: number; lastId: string | null }>();

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  /**
   * Fresh deliveries, cursor and counters are written in one transaction: a crash in the middle neither loses nor repeats.
   * @returns false when no replay was due
   * @throws what says that PostgreSQL is away; that is no failure of the replay
   */
  async step(): Promise<boolean> {
    let claimed: ClaimedReplay | null = null;
    try {
      claimed = await this.db.transaction(async (manager) => {
        claimed = await claimReplay(manager, PACE_MS);
        if (claimed !== null) {
          const progress = await replayChunk(manager, claimed, {
            systemPolicy: this.config.defaultRetryPolicy,
            retentionDays: this.config.retentionDays,
          });
          await recordProgress(manager, claimed.id, progress);
        }
        return claimed;
      });
      if (claimed !== null) this.failures.delete(claimed.id);
    } catch (error) {
      if (claimed === null || isDatabaseUnavailable(error)) throw error;
      await this.settleFailure(claimed, error);
    }
    return claimed !== null;
  }

  private async settleFailure({ id, last_id: lastId }: ClaimedReplay, error: unknown): Promise<void> {
    if (error instanceof ReplayEnded) {
      this.failures.delete(id);
      return endReplay(this.db.manager, id, error.message);
    }
    const before = this.failures.get(id);
    // Another process may have got further meanwhile.
    const count = before?.lastId === lastId ? before.count + 1 : 1;
    this.logger.error({ err: error, replayId: id, failures: count }, 'A chunk of a replay failed');
    if (count < MAX_FAILURES_IN_A_ROW) {
      this.failures.set(id, { count, lastId });
      return postponeReplay(this.db, id, WAIT_AFTER_FAILURE_MS);
    }
    this.failures.delete(id);
    // The database's own words are in the log; they are not for tenants.
    return endReplay(this.db.manager, id, 'It failed through a fault of ours; what is done stays done.');
  }
}
