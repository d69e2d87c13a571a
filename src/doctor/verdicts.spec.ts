import type { Finding } from './finding.js';
import {
  judgeClock,
  judgeConnections,
  judgeDisk,
  judgeEviction,
  judgeNode,
  judgePostgres,
  judgeRedis,
  judgeRedisMemory,
} from './verdicts.js';

const GIB = 1024 ** 3;
const statuses = (findings: Finding[]): string[] => findings.map(({ status }) => status);

describe('the doctor', () => {
  it('wants versions that are new enough, to the minor one', () => {
    expect(statuses(['20.18.3', '20.19.0', '18.20.4', '24.0.0'].map(judgeNode))).toEqual([
      'problem',
      'ok',
      'problem',
      'ok',
    ]);
    expect(statuses([130_014, 140_000, 180_004].map(judgePostgres))).toEqual(['problem', 'ok', 'ok']);
    expect(judgePostgres(130_014).message).toBe('PostgreSQL 13.14 is too old');
    expect(statuses(['6.0.16', '6.2.0', '7.4.1', '0'].map(judgeRedis))).toEqual(['problem', 'ok', 'ok', 'problem']);
  });

  it('wants a Redis that drops nothing and has room', () => {
    expect(statuses([judgeEviction('allkeys-lru'), judgeEviction('noeviction'), judgeEviction(undefined)])).toEqual([
      'problem',
      'ok',
      'skipped',
    ]);
    expect(statuses([judgeRedisMemory(79, 100), judgeRedisMemory(80, 100), judgeRedisMemory(1e9, 0)])).toEqual([
      'ok',
      'warning',
      'ok',
    ]);
  });

  it('wants clocks that agree, and says which is ahead', () => {
    expect(statuses([1_999, -2_000, 59_999, -60_000].map(judgeClock))).toEqual(['ok', 'warning', 'warning', 'problem']);
    expect(judgeClock(-2_500).message).toContain('2.5 s behind');
    expect(judgeClock(2_500).message).toContain('2.5 s ahead of');
  });

  it('wants a disk with room, and connections for one more process', () => {
    expect(
      statuses([judgeDisk(GIB - 1, 2 * GIB), judgeDisk(9 * GIB, 100 * GIB), judgeDisk(10 * GIB, 100 * GIB)]),
    ).toEqual(['problem', 'warning', 'ok']);
    expect(statuses([judgeConnections(80, 100, 20), judgeConnections(81, 100, 20)])).toEqual(['ok', 'warning']);
  });

  it('says what to do about all that is not well', () => {
    const bad = [
      judgeNode('18.0.0'),
      judgePostgres(1),
      judgeRedis('1'),
      judgeEviction('volatile-ttl'),
      judgeClock(9e9),
    ];
    for (const { advice } of bad) expect(advice).toMatch(/^[A-Z].+\.$/);
  });
});
