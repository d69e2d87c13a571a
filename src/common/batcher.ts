import { isDatabaseUnavailable, isTransient } from './database-errors.js';

export interface BatcherOptions<Item> {
  /** Items that one flush takes at most. */
  maxItems: number;
  /** Flushes under way at once; more than one overlaps the wait for one commit with the making of the next. */
  maxFlushes?: number;
  /**
   * In ms: where items come in company, a flush begins no sooner than so long after the one before. A flush costs much the
   * same for one item as for ten, and without this a machine at half its load is busy with flushes of two or three.
   */
  paceMs?: number;
  /** Size of an item, in any unit; with `maxWeight`, keeps a batch of large items small. */
  weightOf?: (item: Item) => number;
  maxWeight?: number;
}

/** So many items are company enough: no pace keeps them waiting. */
const ENOUGH_ITEMS = 50;
/** Flushes of a batch that PostgreSQL chose as the victim of a deadlock again and again. */
const MAX_TRIES = 5;

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Coalesces concurrent calls into one flush each, the way databases group commits: a flush begins when a place is free,
 * and takes whatever has come meanwhile. A lone item never waits for company; only where there is some is a pace kept.
 *
 * When a flush of several items throws, each is tried alone, so that one bad item doesn't fail its neighbours; but not
 * when the database is away, where that would only multiply the failures.
 */
export class Batcher<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private flushing = 0;
  private scheduled = false;
  private timer: NodeJS.Timeout | null = null;
  private lastBeganAt = -Infinity;
  private lastCount = 0;

  /** @param flush answers one result an item, in the items' order */
  constructor(
    private readonly flush: (items: Item[]) => Promise<Result[]>,
    private readonly options: BatcherOptions<Item>,
  ) {}

  add(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.flushing >= (this.options.maxFlushes ?? 1)) return;
    const waitMs = this.waitMs();
    if (waitMs > 0) {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.schedule();
      }, waitMs);
      return;
    }
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.scheduled = true;
    // After this turn's I/O, so that what arrives in the same turn shares the flush.
    setImmediate(() => {
      this.scheduled = false;
      void this.run();
    });
  }

  /** Until the next flush may begin, so that those keep their pace. */
  private waitMs(): number {
    const { paceMs } = this.options;
    const isAlone = this.flushing === 0 && this.lastCount <= 1 && this.waiting.length <= 1;
    if (paceMs === undefined || isAlone || this.waiting.length >= ENOUGH_ITEMS) return 0;
    return this.lastBeganAt + paceMs - performance.now();
  }

  private async run(): Promise<void> {
    const batch = this.takeBatch();
    if (batch.length === 0) return;
    this.flushing++;
    this.lastCount = batch.length;
    this.lastBeganAt = performance.now();
    if (this.waiting.length > 0) this.schedule();
    try {
      await this.settle(batch);
    } finally {
      this.flushing--;
      if (this.waiting.length > 0) this.schedule();
    }
  }

  private takeBatch(): Waiting<Item, Result>[] {
    const { maxItems, maxWeight, weightOf } = this.options;
    let count = Math.min(this.waiting.length, maxItems);
    if (weightOf !== undefined && maxWeight !== undefined) {
      let weight = 0;
      for (let i = 0; i < count; i++) {
        weight += weightOf((this.waiting[i] as Waiting<Item, Result>).item);
        // The first goes whatever its weight, else it would wait for ever.
        if (weight > maxWeight && i > 0) count = i;
      }
    }
    return this.waiting.splice(0, count);
  }

  private async settle(batch: Waiting<Item, Result>[], tries = 1): Promise<void> {
    try {
      const results = await this.flush(batch.map(({ item }) => item));
      if (results.length !== batch.length)
        throw new Error(`A flush of ${batch.length} gave ${results.length} results.`);
      batch.forEach(({ resolve }, index) => resolve(results[index] as Result));
    } catch (error) {
      // A deadlock, with a migration perhaps, has undone everything: the same again may well succeed, and nobody need hear of it.
      if (isTransient(error) && tries < MAX_TRIES) return this.settle(batch, tries + 1);
      if (batch.length === 1 || isDatabaseUnavailable(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      for (const one of batch) await this.settle([one]);
    }
  }
}
