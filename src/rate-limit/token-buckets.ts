import { assertLimit, type BucketLimit } from './bucket-limit.js';
import { planRounds, type Order } from './order-rounds.js';

export interface TakeRequest {
  readonly key: string;
  readonly limit: BucketLimit;
  /** A whole number; 0 only looks. */
  readonly tokens: number;
  /** Grant as many as there are (a batch of events); otherwise all of them or none. */
  readonly partial?: boolean;
}

export interface TakeResult {
  /** How many of the tokens asked for were granted. */
  readonly allowed: number;
  /** Whole tokens still in the bucket. */
  readonly remaining: number;
  /** 0 when all were granted, else when the tokens for the next try (one of them, if partial) will be there. */
  readonly retryAfterMs: number;
}

export interface ReserveRequest {
  readonly key: string;
  readonly limit: BucketLimit;
  /** How far ahead a token may be booked. */
  readonly maxWaitMs: number;
}

export interface ReserveResult {
  /** Whether the token is the caller's: it may act in `waitMs` without asking again. */
  readonly booked: boolean;
  /** When the booked token is due (0: now); unbooked, when it would have been: a good time to ask again. */
  readonly waitMs: number;
}

/** What became of an order: how many tokens it got, and the bucket's level after it (negative when booked ahead). */
export interface Spending {
  readonly granted: number;
  readonly level: number;
}

/**
 * Forgives rounding: who comes back after exactly `retryAfterMs` must find the token there. What is granted too early by
 * this stays on the bucket as debt, so it never adds up.
 */
export const LEVEL_TOLERANCE = 1e-6;

/**
 * Token buckets shared by all processes, on the store's clock. Over any interval a bucket grants at most
 * `burst + ratePerSecond × seconds`, however many callers there are. An unknown key is a full bucket.
 *
 * A request for several keys takes one round trip. Requests for the same key are expected to carry the same limit and
 * look-ahead (the first one's count) and are served in their order. Every method throws what the store's client throws when it is away.
 */
export abstract class TokenBuckets {
  /** Settles the orders, whose keys all differ, in one round trip, and answers them in their order. */
  protected abstract spend(orders: readonly Order[]): Promise<Spending[]>;

  /** @throws RangeError when all of more tokens than the bucket can hold are asked for: they could never be granted */
  async take(
    key: string,
    limit: BucketLimit,
    tokens: number,
    options: { readonly partial?: boolean } = {},
  ): Promise<TakeResult> {
    const [result] = await this.takeMany([{ key, limit, tokens, partial: options.partial }]);
    return result as TakeResult;
  }

  /**
   * {@link take} for many keys at once. Repeated keys share the round trip as long as they are partial or ask for a
   * single token; each all-or-nothing request for more costs one of its own.
   */
  async takeMany(requests: readonly TakeRequest[]): Promise<TakeResult[]> {
    for (const request of requests) assertTakeable(request);
    const orders = requests.map(({ key, limit, tokens, partial }) => ({
      key,
      limit,
      tokens,
      credit: 0,
      divisible: partial === true || tokens <= 1,
    }));
    const results: TakeResult[] = [];
    await this.settle(orders, (index, allowed, level) => {
      const { limit, tokens, partial } = requests[index] as TakeRequest;
      const missing = (partial === true ? 1 : tokens) - level;
      const retryAfterMs = allowed === tokens ? 0 : Math.max(1, msToGain(missing, limit));
      results[index] = { allowed, remaining: Math.max(0, Math.floor(level + LEVEL_TOLERANCE)), retryAfterMs };
    });
    return results;
  }

  /**
   * Books the next free token, up to `maxWaitMs` ahead, so that the caller can be scheduled once instead of polling.
   * What is booked and then not used goes back with {@link giveBack}.
   */
  async reserve(key: string, limit: BucketLimit, maxWaitMs: number): Promise<ReserveResult> {
    const [result] = await this.reserveMany([{ key, limit, maxWaitMs }]);
    return result as ReserveResult;
  }

  /** {@link reserve} for many at once, in one round trip; repeated keys get consecutive tokens. */
  async reserveMany(requests: readonly ReserveRequest[]): Promise<ReserveResult[]> {
    for (const request of requests) assertReservable(request);
    // Waiting `maxWaitMs` for a token is the same as letting the bucket go into debt by what it gains in that time.
    const orders = requests.map(({ key, limit, maxWaitMs }) => ({
      key,
      limit,
      tokens: 1,
      credit: (limit.ratePerSecond * maxWaitMs) / 1000,
      divisible: true,
    }));
    const results: ReserveResult[] = [];
    await this.settle(orders, (index, granted, level, unservedBefore) => {
      const { limit } = requests[index] as ReserveRequest;
      const debt = granted === 1 ? -level : unservedBefore + 1 - level;
      results[index] = { booked: granted === 1, waitMs: msToGain(debt, limit) };
    });
    return results;
  }

  /**
   * Returns tokens that were taken or booked and not used (a delivery whose second bucket refused it). The rate holds
   * on; bookings made meanwhile keep their times, so that returned tokens can bring two of them closer together.
   */
  async giveBack(key: string, limit: BucketLimit, tokens: number): Promise<void> {
    assertLimit(limit);
    assertCount(tokens);
    await this.spend([{ key, limit, tokens: -tokens, credit: Number.MAX_VALUE, divisible: false }]);
  }

  /**
   * Sends the orders in as few rounds as possible and deals what each round got out to the requests in it, in order.
   * `level` is the bucket's level as that request left it; `unservedBefore` how many requests of its round went without.
   */
  private async settle(
    orders: readonly Order[],
    answer: (index: number, granted: number, level: number, unservedBefore: number) => void,
  ): Promise<void> {
    for (const round of planRounds(orders)) {
      const spendings = await this.spend(round.map((merged) => merged.order));
      round.forEach(({ members }, position) => {
        const { granted, level } = spendings[position] as Spending;
        let left = granted;
        let unserved = 0;
        for (const index of members) {
          const given = Math.min(left, (orders[index] as Order).tokens);
          left -= given;
          answer(index, given, level + left, unserved);
          if (given === 0) unserved++;
        }
      });
    }
  }
}

/** Whole milliseconds until a bucket has gained this many tokens, 0 when it need not gain any. */
function msToGain(tokens: number, limit: BucketLimit): number {
  return tokens <= LEVEL_TOLERANCE ? 0 : Math.ceil((tokens / limit.ratePerSecond) * 1000);
}

function assertTakeable({ limit, tokens, partial }: TakeRequest): void {
  assertLimit(limit);
  assertCount(tokens);
  if (partial !== true && tokens > limit.burst) {
    throw new RangeError(`a bucket of ${limit.burst} tokens can never grant ${tokens} at once`);
  }
}

function assertReservable({ limit, maxWaitMs }: ReserveRequest): void {
  assertLimit(limit);
  if (!(maxWaitMs >= 0 && Number.isFinite(maxWaitMs))) throw new RangeError(`maxWaitMs must not be ${maxWaitMs}`);
}

function assertCount(tokens: number): void {
  if (!(Number.isSafeInteger(tokens) && tokens >= 0)) throw new RangeError(`no number of tokens: ${tokens}`);
}
