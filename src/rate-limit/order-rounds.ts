import type { BucketLimit } from './bucket-limit.js';

/** Tokens wanted from one bucket. */
export interface Order {
  readonly key: string;
  readonly limit: BucketLimit;
  /** Negative: given back. */
  readonly tokens: number;
  /** How far below zero the order may take the bucket, in tokens. */
  readonly credit: number;
  /** Whether some of the tokens are better than none. */
  readonly divisible: boolean;
}

/** An order sent to the store on behalf of one or more others of the same key, `members` being their positions. */
export interface MergedOrder {
  readonly order: Order;
  readonly members: readonly number[];
}

/**
 * Splits orders into rounds in each of which every key occurs once, as a single statement can change a row only once.
 * The divisible orders of a key become one (dealing out its grant in their order equals serving them one by one), so
 * that the usual batch, many single tokens of a few keys, is one round. Each indivisible one needs a round of its own.
 */
export function planRounds(orders: readonly Order[]): MergedOrder[][] {
  const divisible = new Map<string, { order: Order; members: number[] }>();
  const indivisible = new Map<string, MergedOrder[]>();
  orders.forEach((order, position) => {
    if (!order.divisible) {
      const merged = { order, members: [position] };
      const sameKey = indivisible.get(order.key);
      if (sameKey === undefined) indivisible.set(order.key, [merged]);
      else sameKey.push(merged);
      return;
    }
    const merged = divisible.get(order.key);
    if (merged === undefined) {
      divisible.set(order.key, { order, members: [position] });
    } else {
      merged.order = { ...merged.order, tokens: merged.order.tokens + order.tokens };
      merged.members.push(position);
    }
  });

  const rounds: MergedOrder[][] = [];
  const add = (round: number, merged: MergedOrder): void => {
    (rounds[round] ??= []).push(merged);
  };
  for (const merged of divisible.values()) add(0, merged);
  for (const [key, queue] of indivisible) {
    const first = divisible.has(key) ? 1 : 0;
    queue.forEach((merged, place) => add(first + place, merged));
  }
  return rounds;
}
