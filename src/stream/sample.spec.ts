import type { StreamedAttempt } from './attempt-message.js';
import { Sample, TOLD_PER_SECOND } from './sample.js';

describe("a sample of a tenant's attempts", () => {
  let now = 0;
  const sample = (): Sample => new Sample(() => now);
  const attempts = (count: number): StreamedAttempt[] =>
    Array.from({ length: count }, (_, index) => ({ id: String(index) }) as StreamedAttempt);

  it('is all of them while they are few', () => {
    const few = sample();
    for (const attempt of attempts(TOLD_PER_SECOND)) few.add(attempt);
    expect(few.take()).toEqual({ attempts: attempts(TOLD_PER_SECOND), skipped: 0 });
    expect(few.isEmpty).toBe(true);
  });

  it('counts what it leaves out, and takes up again with time', () => {
    const many = sample();
    for (const attempt of attempts(1_000)) many.add(attempt);
    expect(many.take()).toMatchObject({ skipped: 1_000 - TOLD_PER_SECOND });
    now += 500;
    for (const attempt of attempts(1_000)) many.add(attempt);
    const { attempts: taken, skipped } = many.take();
    expect([taken.length, skipped]).toEqual([TOLD_PER_SECOND / 2, 1_000 - TOLD_PER_SECOND / 2]);
  });
});
