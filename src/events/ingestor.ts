import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { Batcher } from '../common/batcher.js';
import { newId, timestampOf } from '../common/ids.js';
import { Config } from '../config/config.js';
import { giveBack } from '../feeder/lease-due.query.js';
import { QueueWindow } from '../feeder/queue-window.js';
import { Metrics } from '../metrics/metrics.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';
import { startChildren, type TraceSpan } from '../tracing/tracing.js';
import { contentHash } from './content-hash.js';
import { fanOut, newDelivery, type FanOut } from './fan-out.js';
import type { IdempotencyKind } from './idempotency-key.entity.js';
import {
  claimKeys,
  findEndpoints,
  findKeyHolders,
  insertEvents,
  releaseClaims,
  type FanOutEndpoint,
  type KeyClaim,
  type KeyHolder,
  type KeyRef,
  type NewDelivery,
  type NewEvent,
} from './ingest.query.js';
import type { PublishEvent } from './publish-request.js';

/** An event as it was posted, with all that is not in its body. */
export interface Submission {
  tenantId: string;
  event: PublishEvent;
  idempotencyKey: string | null;
  traceparent: string;
  /** Of the request, which the spans of what is done for it become children of. */
  span?: TraceSpan | null;
}

export interface AcceptedEvent {
  id: string;
  eventId: string | null;
  eventType: string;
  deliveries: number;
  createdAt: Date;
}

export type IngestOutcome =
  | { kind: 'accepted'; event: AcceptedEvent }
  /** The same event was posted before, under the same key: nothing is delivered again, and this is the first answer. */
  | { kind: 'duplicate'; event: AcceptedEvent }
  /** Another event was posted before under this key. */
  | { kind: 'conflict'; key: IdempotencyKind }
  | { kind: 'unknown_endpoints'; endpointIds: string[] };

interface Candidate {
  submission: Submission;
  id: string;
  hash: Buffer;
  keys: KeyRef[];
}

interface Placed extends Candidate {
  fanOut: FanOut;
}

const MAX_BATCH_EVENTS = 200;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Two, so that one batch is built while the other waits for its commit to reach the disk. */
const MAX_FLUSHES = 2;
/** A publisher waits for half of it in the mean, and gets it back: fewer, larger batches leave all processes less to do. */
const PACE_MS = 5;
const MAX_ROUNDS = 10;

/**
 * Commits events and their deliveries, many requests a transaction, and hands what is due at once to the queue.
 * The answer to a request means that its event is on disk; the queue is only told afterwards, and may be away.
 */
@Injectable()
export class Ingestor {
  private readonly logger = new Logger(Ingestor.name);
  private readonly batcher: Batcher<Submission, IngestOutcome | null>;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly queue: DeliveryQueue,
    private readonly window: QueueWindow,
    private readonly config: Config,
    private readonly metrics: Metrics,
  ) {
    this.batcher = new Batcher((submissions) => this.flush(submissions), {
      maxItems: MAX_BATCH_EVENTS,
      maxFlushes: MAX_FLUSHES,
      paceMs: PACE_MS,
      weightOf: ({ event }) => event.payload.length,
      maxWeight: MAX_BATCH_BYTES,
    });
  }

  /** @throws what PostgreSQL throws; then nothing of this event is stored, or nobody can say whether it is (a lost commit). */
  async submit(submission: Submission): Promise<IngestOutcome> {
    // One round, but for events whose key was held by one that gave it back in the same moment. Each is a batch of its own: a
    // flush commits once, and so can be repeated when it fails.
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const outcome = await this.batcher.add(submission);
      if (outcome !== null) return outcome;
    }
    throw new Error(`An event found no outcome in ${MAX_ROUNDS} rounds.`);
  }

  /** Null for an event that is to be tried again. */
  private async flush(submissions: Submission[]): Promise<(IngestOutcome | null)[]> {
    this.metrics.ingestBatchSize.observe(submissions.length);
    return this.commit(submissions.map(toCandidate));
  }

  private async commit(candidates: Candidate[]): Promise<(IngestOutcome | null)[]> {
    const [endpoints] = await Promise.all([this.endpointsByTenant(candidates), this.window.refresh()]);
    const placed = candidates.map((candidate): Placed => {
      const { submission, id, hash, keys } = candidate;
      const { tenantId, event } = submission;
      const to = fanOut(event.eventType, event.endpointIds, endpoints.get(tenantId) ?? []);
      return { submission, id, hash, keys, fanOut: to };
    });
    const { leaders, others } = split(placed);

    const endCommit = startChildren(candidates.map(spanOf), 'commit');
    // Without keys there is but one statement, and that commits by itself.
    const alone = placed.every(({ keys }) => keys.length === 0);
    const { accepted, deliveries, holders } = await (
      alone
        ? this.write(this.db.manager, leaders, others)
        : this.db.transaction((manager) => this.write(manager, leaders, others))
    ).finally(endCommit);
    this.enqueue(deliveries, accepted);

    const taken = new Set(accepted);
    const holderOf = new Map(holders.map((holder) => [keyText(holder.tenant_id, holder.kind, holder.key), holder]));
    return placed.map((one) => (taken.has(one) ? { kind: 'accepted', event: summaryOf(one) } : judge(one, holderOf)));
  }

  private async write(
    manager: EntityManager,
    leaders: Placed[],
    others: Placed[],
  ): Promise<{ accepted: Placed[]; deliveries: NewDelivery[]; holders: KeyHolder[] }> {
    const claims = leaders.flatMap((leader) => leader.keys.map((key) => claimOf(leader, key)));
    const claimed = claims.length > 0 ? await claimKeys(manager, claims) : [];
    const claimedByEvent = groupBy(claimed, (row) => row.event_id);
    const holdsAll = ({ id, keys }: Placed): boolean => (claimedByEvent.get(id)?.length ?? 0) === keys.length;
    const accepted = leaders.filter(holdsAll);
    const lost = leaders.filter((leader) => !holdsAll(leader));
    const half = lost.flatMap((leader) => claimedByEvent.get(leader.id) ?? []);
    if (half.length > 0) await releaseClaims(manager, half);

    const events = accepted.map(toEvent);
    const deliveries = accepted.flatMap((leader, index) => this.deliveriesOf(leader, events[index] as NewEvent));
    if (events.length > 0) await insertEvents(manager, events, deliveries, this.config.leaseSeconds);
    const asked = [...lost, ...others].flatMap(({ keys }) => keys);
    return { accepted, deliveries, holders: asked.length > 0 ? await findKeyHolders(manager, asked) : [] };
  }

  private deliveriesOf({ fanOut: to }: Placed, event: NewEvent): NewDelivery[] {
    if (!to.ok) return [];
    const options = {
      systemPolicy: this.config.defaultRetryPolicy,
      admit: (tenantId: string, endpointId: string) => this.window.admit(tenantId, endpointId),
    };
    return to.endpoints.map((endpoint) => newDelivery(event, endpoint, options));
  }

  private async endpointsByTenant(candidates: Candidate[]): Promise<Map<string, FanOutEndpoint[]>> {
    const tenantIds = [...new Set(candidates.map(({ submission }) => submission.tenantId))];
    return groupBy(await findEndpoints(this.db, tenantIds), (endpoint) => endpoint.tenant_id);
  }

  /** The short cut past the feeder. Whatever goes wrong here costs time, never a delivery: the lease is given back or runs out. */
  private enqueue(deliveries: NewDelivery[], events: Placed[]): void {
    const jobs = deliveries
      .filter(({ leased }) => leased)
      .map(({ id, eventId, endpointId }) => ({ deliveryId: id, eventId, endpointId, leaseNo: 1 }));
    if (jobs.length === 0) return;
    const endEnqueue = startChildren(events.map(spanOf), 'enqueue', 'producer');
    this.queue
      .add(jobs)
      .finally(endEnqueue)
      .catch(async (error: unknown) => {
        this.logger.debug(`The queue took no jobs: ${String(error)}`);
        await giveBack(this.db.manager, jobs).catch(() => undefined);
      });
  }
}

const spanOf = ({ submission }: Candidate): TraceSpan | null | undefined => submission.span;

function toCandidate(submission: Submission): Candidate {
  const { tenantId, event, idempotencyKey } = submission;
  const keys: KeyRef[] = [];
  if (event.eventId !== null) keys.push({ tenantId, kind: 'event_id', key: event.eventId });
  if (idempotencyKey !== null) keys.push({ tenantId, kind: 'header', key: idempotencyKey });
  return { submission, id: newId(), hash: keys.length > 0 ? contentHash(event) : Buffer.alloc(0), keys };
}

/**
 * Leaders may claim their keys. The others only look who holds theirs: those that share a key with a leader of the same
 * batch (PostgreSQL refuses to touch a row twice in one statement), and those that can't be accepted anyway.
 */
function split(placed: Placed[]): { leaders: Placed[]; others: Placed[] } {
  const taken = new Set<string>();
  const leaders: Placed[] = [];
  const others: Placed[] = [];
  for (const one of placed) {
    const texts = one.keys.map(({ tenantId, kind, key }) => keyText(tenantId, kind, key));
    if (!one.fanOut.ok || texts.some((text) => taken.has(text))) {
      others.push(one);
      continue;
    }
    for (const text of texts) taken.add(text);
    leaders.push(one);
  }
  return { leaders, others };
}

/** What an event that was not accepted gets, or null when nobody holds its keys any more: then it is tried again. */
function judge(one: Placed, holderOf: ReadonlyMap<string, KeyHolder>): IngestOutcome | null {
  const held = one.keys.flatMap(({ tenantId, kind, key }) => holderOf.get(keyText(tenantId, kind, key)) ?? []);
  const conflict = held.find((holder) => !holder.content_hash.equals(one.hash));
  if (conflict !== undefined) return { kind: 'conflict', key: conflict.kind };
  const first = held[0];
  if (first !== undefined) {
    return {
      kind: 'duplicate',
      event: {
        id: first.event_id,
        eventId: first.own_event_id,
        eventType: one.submission.event.eventType,
        deliveries: first.deliveries,
        createdAt: new Date(timestampOf(first.event_id)),
      },
    };
  }
  return one.fanOut.ok ? null : { kind: 'unknown_endpoints', endpointIds: one.fanOut.unknownEndpointIds };
}

const claimOf = (leader: Placed, { tenantId, kind, key }: KeyRef): KeyClaim => ({
  tenantId,
  kind,
  key,
  eventId: leader.id,
  contentHash: leader.hash,
  deliveries: leader.fanOut.ok ? leader.fanOut.endpoints.length : 0,
  ownEventId: leader.submission.event.eventId,
});

const toEvent = ({ id, submission }: Placed): NewEvent => ({
  id,
  tenantId: submission.tenantId,
  eventId: submission.event.eventId,
  eventType: submission.event.eventType,
  source: submission.event.source,
  payload: submission.event.payload,
  traceparent: submission.traceparent,
  // The id's own time, so that a duplicate's answer can tell it from the id alone.
  createdAt: new Date(timestampOf(id)),
});

const summaryOf = (one: Placed): AcceptedEvent => ({
  id: one.id,
  eventId: one.submission.event.eventId,
  eventType: one.submission.event.eventType,
  deliveries: one.fanOut.ok ? one.fanOut.endpoints.length : 0,
  createdAt: new Date(timestampOf(one.id)),
});

/** No part but the last can hold a space. */
const keyText = (tenantId: string, kind: IdempotencyKind, key: string): string => `${tenantId} ${kind} ${key}`;

function groupBy<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
