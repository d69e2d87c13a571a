import type pg from 'pg';
import { partitionName } from '../../src/database/partitions.js';
import { ENDPOINTS_OF_TENANT, type Population, RARE_EVERY } from './aged-population.js';

export interface AgedChunk extends Population {
  /** Places of the rows within their day, from here up to but without there. */
  from: number;
  to: number;
  perDay: number;
  dayMs: number;
  payload: string;
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

/** Of the whole 0 to 9,999, by a hash of the row's place: what is drawn with one salt says nothing of the next. */
const drawn = (salt: number): string => `abs(hashint8extended(place, ${salt}) % 10000)`;

/**
 * Events of a day, spread over it, each with a settled delivery and its attempts: 2 in 1,000 ended as a dead letter, one was
 * cancelled, 30 needed a second attempt. Seven in ten are orders; one in 1,000 and one in 50,000 are of rare types; each tenth has an
 * id of its tenant's own. Ids are made for their moment, a few milliseconds apart, so that children sort after their parents as
 * they do in life.
 */
export async function insertAged(db: pg.Client, chunk: AgedChunk): Promise<void> {
  const { dayMs } = chunk;
  await db.query(
    `WITH owned AS (
       SELECT place, moment, moment - clock_timestamp() AS shift, ${drawn(1)} AS fate, ${drawn(2)} AS kind,
         CASE WHEN place % ${RARE_EVERY} = 7 THEN coalesce($8::int, 0) ELSE ($7::int[])[1 + place % cardinality($7::int[])] END AS owner
       FROM generate_series($1::bigint, $2::bigint - 1) AS place
       CROSS JOIN LATERAL (
         SELECT $4::timestamptz + interval '86000 s' * (place::double precision / $3::int) AS moment
       ) spread
     ), seeded AS MATERIALIZED (
       SELECT place, moment, ($5::uuid[])[1 + owner / ${ENDPOINTS_OF_TENANT}] AS tenant_id,
         ($6::uuid[])[1 + owner] AS endpoint_id,
         CASE WHEN place % 10 = 3 THEN 'order-' || to_char($4::timestamptz, 'YYYYMMDD') || '-' || place END AS own_id,
         CASE WHEN place % ${RARE_EVERY} = 11 THEN 'account.closed' WHEN kind < 7000 THEN 'order.created'
           WHEN kind < 9000 THEN 'order.updated' WHEN kind < 9990 THEN 'invoice.paid' ELSE 'invoice.voided' END AS event_type,
         CASE WHEN fate < 20 THEN 'dead_letter' WHEN fate < 30 THEN 'cancelled' ELSE 'succeeded' END AS status,
         CASE WHEN fate < 20 THEN 7 WHEN fate < 30 THEN 0 WHEN fate < 330 THEN 2 ELSE 1 END AS attempts,
         CASE WHEN fate < 10 THEN 'attempts_exhausted' WHEN fate < 15 THEN 'expired' WHEN fate < 18 THEN 'endpoint_disabled'
           ELSE 'gone' END AS reason,
         uuidv7(shift) AS event_id,
         uuidv7(shift + interval '2 ms') AS delivery_id,
         uuidv7(shift + interval '15 ms') AS letter_id
       FROM owned
     ), stored_events AS (
       INSERT INTO ${partitionName('events', dayMs)}
         (id, tenant_id, event_id, event_type, source, payload, traceparent, created_at)
       SELECT event_id, tenant_id, own_id, event_type, 'bench', $9, '${TRACEPARENT}', moment FROM seeded
     ), stored_deliveries AS (
       INSERT INTO ${partitionName('deliveries', dayMs)} (id, tenant_id, event_id, endpoint_id, event_type, status, attempts,
         max_attempts, lease_no, last_status_code, last_error, created_at, completed_at)
       SELECT delivery_id, tenant_id, event_id, endpoint_id, event_type, status, attempts, 7, attempts,
         CASE status WHEN 'dead_letter' THEN 500 WHEN 'succeeded' THEN 200 END, NULL, moment, moment + interval '12 ms'
       FROM seeded
     ), stored_letters AS (
       INSERT INTO dead_letters (id, tenant_id, delivery_id, event_id, endpoint_id, event_type, source, payload, traceparent,
         event_created_at, reason, attempts, last_status_code, created_at, resolved_at, resolution)
       SELECT letter_id, tenant_id, delivery_id, event_id, endpoint_id, event_type, 'bench', $9, '${TRACEPARENT}', moment,
         reason, 7, 500, moment, CASE WHEN place % 4 > 0 THEN moment + interval '1 hour' END,
         CASE WHEN place % 4 > 0 THEN 'resolved' END
       FROM seeded WHERE status = 'dead_letter'
     )
     INSERT INTO ${partitionName('delivery_attempts', dayMs)} (id, tenant_id, delivery_id, endpoint_id, attempt, outcome,
       status_code, url, request_headers, format, response_headers, response_body, duration_ms, created_at)
     SELECT uuidv7(moment - clock_timestamp() + interval '5 ms' * (1 + n)), tenant_id, delivery_id, endpoint_id, n, outcome,
       CASE outcome WHEN 'failed' THEN 500 ELSE 200 END, 'https://hooks.example.com/webhooks/orders',
       json_build_object('content-type', 'application/json', 'user-agent', 'Posthaste/0.1.0', 'webhook-id', event_id,
         'webhook-timestamp', extract(epoch FROM moment)::bigint::text,
         'webhook-signature', 'v1,' || encode(sha256(uuid_send(event_id)), 'base64'),
         'webhook-event-type', event_type, 'webhook-attempt', n::text),
       'envelope', '{"content-type":"text/plain","content-length":"2"}', 'ok', 3, moment
     FROM seeded
     CROSS JOIN LATERAL generate_series(1, attempts) AS n
     CROSS JOIN LATERAL (
       SELECT CASE WHEN status = 'dead_letter' OR n < attempts THEN 'failed' ELSE 'succeeded' END AS outcome
     ) ended`,
    [
      chunk.from,
      chunk.to,
      chunk.perDay,
      new Date(dayMs),
      chunk.tenantIds,
      chunk.endpointIds,
      chunk.slots,
      chunk.rarePlace,
      chunk.payload,
    ],
  );
}
