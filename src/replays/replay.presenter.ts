import type { ReplayDto } from './replay.dto.js';
import type { Replay } from './replay.entity.js';

export const presentReplay = (replay: Replay): ReplayDto => ({
  id: replay.id,
  status: replay.status,
  total: replay.total,
  done: replay.done,
  failed: replay.failed,
  created_at: replay.createdAt,
  finished_at: replay.finishedAt,
  error: replay.error,
});
