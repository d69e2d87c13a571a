import type { EntityManager } from 'typeorm';
import { idBoundary } from '../common/ids.js';
import { resolveRetryPolicy, type RetryPolicy } from '../deliveries/retry-policy.js';
import { findReplayTargets, type ReplayTarget } from '../events/replay-targets.query.js';
import { insertReplayed, type ReplayedItem } from './insert-replayed.query.js';
import type { IdRange } from './replay.entity.js';
import { retentionFloorMs } from './replay-range.js';
import type { ClaimedReplay, Progress } from './replay-state.query.js';
import { findDeliveries, type ReplayedDeliveries } from './replayed-deliveries.query.js';
import { findEvents } from './replayed-events.query.js';
import { findLetters } from './replayed-letters.query.js';
import { lockRetriableLetters } from './retriable-letters.query.js';
import { findScanEnd, type ScanSource } from './scan.query.js';

/** Items that one transaction deals with. */
export const CHUNK_ITEMS = 200;
/** Rows that it looks at to find them; most of an endpoint's deliveries may have another status. */
const SCANNED_ROWS = 5_000;

/** What can't be gone on with, in words for the tenant. */
export class ReplayEnded extends Error {
  override readonly name = 'ReplayEnded';
}

export interface ChunkSettings {
  systemPolicy: RetryPolicy;
  retentionDays: number;
}

/** What a chunk found, and made of it. */
interface Found {
  ids: string[];
  done: number;
}

/**
 * Makes the fresh deliveries of a replay's next chunk.
 * @param manager of a transaction that holds the replay locked
 * @throws ReplayEnded when its endpoint was deleted or disabled
 */
export async function replayChunk(
  manager: EntityManager,
  replay: ClaimedReplay,
  settings: ChunkSettings,
): Promise<Progress> {
  if (replay.kind === 'dead_letters') {
    const { tenant_id: tenantId, filter, created_at: askedAt } = replay;
    return scan(manager, 'dead_letters', tenantId, rangeLeft(replay), async (range) => {
      const ids = await findLetters(manager, tenantId, { ...filter, ...range }, { askedAt, limit: CHUNK_ITEMS });
      return { ids, done: await retryLetters(manager, tenantId, ids, settings) };
    });
  }
  const { filter, tenant_id: tenantId, endpoint_id: endpointId } = replay;
  const [target] = await findReplayTargets(manager, tenantId, [endpointId]);
  if (target === undefined) throw new ReplayEnded('The endpoint was deleted.');
  if (!target.is_active) throw new ReplayEnded('The endpoint was disabled.');
  const { status } = filter;
  return status === null || status === 'missing'
    ? replayEvents(manager, replay, target, settings)
    : replayDeliveries(manager, replay, { tenantId, endpointId, status }, target, settings);
}

type EndpointReplay = Extract<ClaimedReplay, { kind: 'endpoint' }>;

function replayEvents(
  manager: EntityManager,
  replay: EndpointReplay,
  target: ReplayTarget,
  settings: ChunkSettings,
): Promise<Progress> {
  const { tenant_id: tenantId, filter } = replay;
  const missingAt = filter.status === 'missing' ? target.id : null;
  const floorMs = retentionFloorMs(Date.now(), settings.retentionDays, replay.tenant_retention_days);
  const left = rangeLeft(replay);
  // What has come of age since the replay began may have lost its deliveries already, and would look missing.
  const floorId = idBoundary(floorMs);
  const range = { ...left, fromId: floorId > left.fromId ? floorId : left.fromId };
  return scan(manager, 'events', tenantId, range, async (scanned) => {
    const events = await findEvents(manager, { tenantId, missingAt, ...scanned }, filter.eventTypes ?? [], CHUNK_ITEMS);
    const maxAttempts = maxAttemptsOf(target.retry_policy, target.tenant_retry_policy, settings);
    const items = events.map(({ id, event_type }): ReplayedItem => {
      return { eventId: id, eventType: event_type, endpointId: target.id, deadLetterId: null, maxAttempts };
    });
    await insertReplayed(manager, tenantId, items);
    return { ids: events.map(({ id }) => id), done: items.length };
  });
}

function replayDeliveries(
  manager: EntityManager,
  replay: EndpointReplay,
  which: Omit<ReplayedDeliveries, keyof IdRange>,
  target: ReplayTarget,
  settings: ChunkSettings,
): Promise<Progress> {
  const { tenantId, endpointId } = which;
  const options = { replayFromId: replay.filter.fromId, askedAt: replay.created_at, limit: CHUNK_ITEMS };
  return scan(manager, 'deliveries', endpointId, rangeLeft(replay), async (range) => {
    const deliveries = await findDeliveries(manager, { ...which, ...range }, options);
    const ids = deliveries.map(({ id }) => id);
    if (which.status === 'dead_letter') {
      const letterIds = deliveries.flatMap(({ dead_letter_id }) => dead_letter_id ?? []);
      return { ids, done: await retryLetters(manager, tenantId, letterIds, settings) };
    }
    const maxAttempts = maxAttemptsOf(target.retry_policy, target.tenant_retry_policy, settings);
    const items = deliveries
      .filter(({ has_event }) => has_event)
      .map(({ event_id, event_type }): ReplayedItem => {
        return { eventId: event_id, eventType: event_type, endpointId, deadLetterId: null, maxAttempts };
      });
    await insertReplayed(manager, tenantId, items);
    return { ids, done: items.length };
  });
}

/** @returns how many were retried; a single retry would refuse the others, too */
async function retryLetters(
  manager: EntityManager,
  tenantId: string,
  ids: readonly string[],
  settings: ChunkSettings,
): Promise<number> {
  if (ids.length === 0) return 0;
  const letters = await lockRetriableLetters(manager, tenantId, ids);
  const items = letters.map((letter): ReplayedItem => ({
    eventId: letter.event_id,
    eventType: letter.event_type,
    endpointId: letter.endpoint_id,
    deadLetterId: letter.id,
    maxAttempts: maxAttemptsOf(letter.endpoint_retry_policy, letter.tenant_retry_policy, settings),
  }));
  await insertReplayed(manager, tenantId, items);
  return items.length;
}

/** Looks through a bounded part of what is left; the next chunk begins after the last item, or else where this one stopped. */
async function scan(
  manager: EntityManager,
  source: ScanSource,
  ownerId: string,
  range: IdRange,
  deal: (range: IdRange) => Promise<Found>,
): Promise<Progress> {
  const scanEnd = await findScanEnd(manager, source, ownerId, range, SCANNED_ROWS);
  const throughId = scanEnd ?? range.throughId;
  const { ids, done } = await deal({ fromId: range.fromId, throughId });
  const isFull = ids.length === CHUNK_ITEMS;
  return {
    lastId: (isFull ? ids.at(-1) : undefined) ?? throughId,
    done,
    failed: ids.length - done,
    isFinished: scanEnd === null && !isFull,
  };
}

const rangeLeft = ({ filter, last_id }: ClaimedReplay): IdRange => ({
  fromId: last_id ?? filter.fromId,
  throughId: filter.throughId,
});

function maxAttemptsOf(
  endpointPolicy: RetryPolicy | null,
  tenantPolicy: RetryPolicy | null,
  { systemPolicy }: ChunkSettings,
): number {
  return resolveRetryPolicy(endpointPolicy, tenantPolicy, systemPolicy).maxAttempts;
}
