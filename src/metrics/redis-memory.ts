/** What Redis uses and may use, of its `INFO memory`; null when it doesn't say. */
export function parseRedisMemory(info: string): { usedBytes: number; maxBytes: number } | null {
  const usedBytes = field(info, 'used_memory');
  if (usedBytes === null) return null;
  // 0: no limit but the machine's.
  return { usedBytes, maxBytes: field(info, 'maxmemory') || (field(info, 'total_system_memory') ?? 0) };
}

function field(info: string, name: string): number | null {
  const value = new RegExp(`^${name}:(\\d+)\\r?$`, 'm').exec(info)?.[1];
  return value === undefined ? null : Number(value);
}
