const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Steps of a series, and how many of them make up its window: 96 at most, a day's quarter hours. */
const SHAPES = {
  '1h': { stepMs: MINUTE_MS, steps: 60 },
  '24h': { stepMs: 15 * MINUTE_MS, steps: 96 },
  '7d': { stepMs: 2 * HOUR_MS, steps: 84 },
} as const;

export type StatsWindow = keyof typeof SHAPES;
export const STATS_WINDOWS = Object.keys(SHAPES) as StatsWindow[];

/** A window as it stands at a moment; times in ms since the epoch. */
export interface WindowSpan {
  /** The beginning of the first step. */
  sinceMs: number;
  stepMs: number;
  steps: number;
}

/**
 * The steps up to the one that `nowMs` falls into, which is still going on. Steps begin at round times of UTC, so that two
 * looks a moment apart tell of the same ones.
 */
export function spanOf(window: StatsWindow, nowMs: number): WindowSpan {
  return spanBy(SHAPES[window], nowMs);
}

/** The same of a day in hours: as much as a small picture beside other things can show. */
export function hoursOfDay(nowMs: number): WindowSpan {
  return spanBy({ stepMs: HOUR_MS, steps: 24 }, nowMs);
}

function spanBy({ stepMs, steps }: Omit<WindowSpan, 'sinceMs'>, nowMs: number): WindowSpan {
  const current = Math.floor(nowMs / stepMs) * stepMs;
  return { sinceMs: current - (steps - 1) * stepMs, stepMs, steps };
}

/** One value a step, in order; `empty` for those that nothing is known of. */
export function fillGaps<Value>(
  { sinceMs, stepMs, steps }: WindowSpan,
  known: ReadonlyMap<number, Value>,
  empty: Value,
): { atMs: number; value: Value }[] {
  return Array.from({ length: steps }, (_step, index) => {
    const atMs = sinceMs + index * stepMs;
    return { atMs, value: known.get(atMs) ?? empty };
  });
}
