import fc from 'fast-check';

import { planRounds, type Order } from './order-rounds.js';

const order = (key: string, tokens: number, divisible = true): Order => ({
  key,
  tokens,
  divisible,
  credit: 0,
  limit: { ratePerSecond: 1, burst: 100 },
});

describe('orders for token buckets', () => {
  it('of single tokens are one round with one merged order a key', () => {
    const rounds = planRounds([order('a', 1), order('b', 1), order('a', 1), order('a', 3)]);
    expect(rounds.map((round) => round.map(({ order: { key, tokens }, members }) => [key, tokens, members]))).toEqual([
      [
        ['a', 5, [0, 2, 3]],
        ['b', 1, [1]],
      ],
    ]);
  });

  it('that take all or nothing wait for their key’s turn', () => {
    const rounds = planRounds([order('a', 5, false), order('a', 1), order('b', 2, false), order('a', 7, false)]);
    expect(rounds.map((round) => round.map(({ members }) => members))).toEqual([[[1], [2]], [[0]], [[3]]]);
  });

  it('each come once, in rounds without a repeated key and without a gap', () => {
    const someOrder = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 5 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(someOrder), (list) => {
        const rounds = planRounds(list.map(([key, tokens, divisible]) => order(key, tokens, divisible)));
        const positions = rounds.flat().flatMap(({ members }) => members);
        expect(positions.sort((a, b) => a - b)).toEqual(list.map((_, index) => index));
        for (const round of rounds) {
          expect(round.length).toBeGreaterThan(0);
          expect(new Set(round.map((merged) => merged.order.key)).size).toBe(round.length);
        }
      }),
    );
  });
});
