import { parseRedisMemory } from './redis-memory.js';

const info = (maxmemory: number): string =>
  ['# Memory', 'used_memory:1048576', 'used_memory_human:1.00M', 'total_system_memory:8589934592']
    .concat(`maxmemory:${maxmemory}`, 'maxmemory_policy:noeviction', '')
    .join('\r\n');

describe('parseRedisMemory', () => {
  it('reads what is used and the limit', () => {
    expect(parseRedisMemory(info(4_194_304))).toEqual({ usedBytes: 1_048_576, maxBytes: 4_194_304 });
  });

  it("takes the machine's memory where there is no limit", () => {
    expect(parseRedisMemory(info(0))).toEqual({ usedBytes: 1_048_576, maxBytes: 8_589_934_592 });
  });

  it('knows nothing of a Redis that says nothing', () => {
    expect(parseRedisMemory('')).toBeNull();
  });
});
