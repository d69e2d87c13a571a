import { startOfDay } from '../../src/database/partitions.js';
import type { Servers } from '../servers.js';
import type { Tenants } from '../tenants.js';
import { populate } from './aged-population.js';
import { addPastEndpoints, insertAgedActions, insertAgedMinutes } from './insert-aged-sums.query.js';
import { insertAged } from './insert-aged.query.js';
import { attachDay, createDay } from './past-day.js';
import { onSeedLanes, settleTables } from './seed-lanes.js';

const DAY_MS = 24 * 3_600_000;
/** Full days before today: as many as the longest window of the statistics has. */
export const AGED_DAYS = 7;
const CHUNK_ROWS = 20_000;
const MINUTES_OF_A_DAY = 1_440;
/** Entries of the audit log, one for so many deliveries. */
const DELIVERIES_AN_ACTION = 50;
/** Of the time it takes: what comes after the rows are the indexes, and the vacuum. */
const ROWS_SHARE = 0.6;

/** A database some days old: that many settled deliveries in the partitions of the past days. Each tenant has one endpoint. */
export async function seedAged(
  { db, databaseUrl }: Servers,
  { ids, endpointIds }: Tenants,
  { deliveries, payload }: { deliveries: number; payload: string },
  onProgress: (done: number) => void,
): Promise<void> {
  const population = populate({ ids }, await addPastEndpoints(db, endpointIds));
  const perDay = Math.ceil(deliveries / AGED_DAYS);
  const chunksPerDay = Math.ceil(perDay / CHUNK_ROWS);
  const chunks = AGED_DAYS * chunksPerDay;
  const today = startOfDay(Date.now());
  const days = Array.from({ length: AGED_DAYS }, (_day, n) => today - (AGED_DAYS - n) * DAY_MS);
  for (const dayMs of days) await createDay(db, dayMs);
  let done = 0;
  await onSeedLanes(databaseUrl, chunks, async (lane, index) => {
    const from = (index % chunksPerDay) * CHUNK_ROWS;
    const dayMs = days[Math.floor(index / chunksPerDay)] ?? today;
    await insertAged(lane, { ...population, from, to: Math.min(from + CHUNK_ROWS, perDay), perDay, dayMs, payload });
    done += 1;
    onProgress((done / chunks) * ROWS_SHARE);
  });
  done = 0;
  // One after the other: attaching locks the table that it is attached to.
  for (const dayMs of days) {
    await attachDay(db, dayMs);
    done += 1;
    onProgress(ROWS_SHARE + (done / AGED_DAYS) * (1 - ROWS_SHARE));
  }
  const span = { firstDay: new Date(today - AGED_DAYS * DAY_MS), days: AGED_DAYS };
  const perMinute = Math.ceil(perDay / MINUTES_OF_A_DAY / ids.length);
  await insertAgedMinutes(db, population, { ...span, perMinute });
  await insertAgedActions(db, population, { ...span, count: Math.ceil(deliveries / DELIVERIES_AN_ACTION) });
  await settleTables(db);
}
