/** Zipf's law with the exponent 1: the k-th tenant has a k-th of the first one's share. */
export const zipfWeights = (count: number): number[] =>
  Array.from({ length: count }, (_tenant, index) => 1 / (index + 1));

/** Draws indices by weight, the same ones in every run. */
export function indexPicker(count: number, weights?: readonly number[]): () => number {
  if (weights === undefined) {
    let next = 0;
    return () => next++ % count;
  }
  const sums: number[] = [];
  let total = 0;
  for (const weight of weights) sums.push((total += weight));
  const random = seededRandom(42);
  return () => {
    const wanted = random() * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Numerical Recipes' linear congruential generator: good enough to draw tenants, and repeatable. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
