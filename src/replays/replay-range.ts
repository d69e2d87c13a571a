import { validationFailed } from '../common/domain-error.js';
import { idBoundary } from '../common/ids.js';

const DAY_MS = 24 * 3_600_000;
/** The time part of a UUIDv7 has 48 bits (RFC 9562, section 5.7). */
const MAX_ID_MS = 2 ** 48 - 1;

/** No id is a boundary itself, so that `id > from` means "at that time or later" and `id <= through` "before that time". */
export interface IdBounds {
  fromId: string;
  /** Null: not bounded. */
  throughId: string | null;
}

export interface TimeRange {
  /** Field and ISO 8601 time; the time is undefined where it was left out. */
  from: readonly [field: string, time: string | undefined];
  through: readonly [field: string, time: string | undefined];
}

/**
 * @param floorMs what is older than this isn't looked for; in ms since the epoch
 * @throws DomainError `validation_failed` unless the range begins before it ends; without an end, before now
 */
export function idBoundsOf({ from, through }: TimeRange, nowMs: number, floorMs: number): IdBounds {
  const [fromField, fromTime] = from;
  const [throughField, throughTime] = through;
  const fromMs = fromTime === undefined ? 0 : Date.parse(fromTime);
  const throughMs = throughTime === undefined ? nowMs : Date.parse(throughTime);
  if (fromMs >= throughMs) {
    const end = throughTime === undefined ? 'now' : throughField;
    throw validationFailed([{ field: fromField, message: `must be earlier than ${end}` }]);
  }
  return {
    fromId: boundary(Math.max(fromMs, floorMs)),
    throughId: throughTime === undefined ? null : boundary(throughMs),
  };
}

/**
 * Since when events and deliveries are sure to be still there together: what is older is removed at some time, deliveries
 * before their events, which would then look as if nobody had got them.
 * @returns ms since the epoch
 */
export function retentionFloorMs(nowMs: number, retentionDays: number, tenantRetentionDays: number | null): number {
  return nowMs - Math.min(retentionDays, tenantRetentionDays ?? Infinity) * DAY_MS;
}

const boundary = (epochMs: number): string => idBoundary(Math.min(epochMs, MAX_ID_MS));
