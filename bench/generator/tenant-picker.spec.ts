import { indexPicker, zipfWeights } from './tenant-picker.js';

const DRAWS = 100_000;

function counts(pick: () => number, size: number): number[] {
  const drawn = new Array<number>(size).fill(0);
  for (let n = 0; n < DRAWS; n++) {
    const index = pick();
    drawn[index] = (drawn[index] ?? 0) + 1;
  }
  return drawn;
}

describe('picking tenants', () => {
  it('takes turns without weights', () => {
    expect(counts(indexPicker(4), 4)).toEqual([25_000, 25_000, 25_000, 25_000]);
  });

  it("follows Zipf's law: the k-th tenant has a k-th of the first one's share", () => {
    const drawn = counts(indexPicker(1_000, zipfWeights(1_000)), 1_000);
    const first = drawn[0] ?? 0;
    // The harmonic number of 1,000 is 7.485.
    expect(first / DRAWS).toBeCloseTo(1 / 7.485, 2);
    expect((drawn[1] ?? 0) / first).toBeCloseTo(1 / 2, 1);
    expect((drawn[9] ?? 0) / first).toBeCloseTo(1 / 10, 1);
    expect(drawn.reduce((sum, n) => sum + n, 0)).toBe(DRAWS);
  });

  it('draws the same ones in every run', () => {
    const [one, other] = [indexPicker(1_000, zipfWeights(1_000)), indexPicker(1_000, zipfWeights(1_000))];
    expect(Array.from({ length: 100 }, one)).toEqual(Array.from({ length: 100 }, other));
  });
});
