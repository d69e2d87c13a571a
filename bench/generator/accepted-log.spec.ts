import { AcceptedLog } from './accepted-log.js';

describe('the log of accepted events', () => {
  it('grows without mixing anything up', () => {
    const log = new AcceptedLog();
    const idOf = (n: number): string => `0199e0f0-5a7c-7b52-8a51-${String(n).padStart(12, '0')}`;
    for (let n = 0; n < 5_000; n++) log.add(idOf(n), n % 7, n, n + 0.5);
    const { ids, tenants, sentAt, acceptedAt } = log.events();
    expect([log.count, tenants.length, sentAt.length, acceptedAt.length]).toEqual([5_000, 5_000, 5_000, 5_000]);
    expect(Buffer.from(ids).toString()).toBe(Array.from({ length: 5_000 }, (_event, n) => idOf(n)).join(''));
    expect([tenants[4_999], sentAt[4_999], acceptedAt[4_999]]).toEqual([4_999 % 7, 4_999, 4_999.5]);
  });
});
