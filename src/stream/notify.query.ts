import type { DataSource } from 'typeorm';

/** Sends notifications, all in one statement: each transaction that notifies takes its turn at a lock of the whole server. */
export async function notify(db: DataSource, channel: string, payloads: string[]): Promise<void> {
  await db.query(`SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload`, [channel, payloads]);
}
