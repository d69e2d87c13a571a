import { Injectable } from '@nestjs/common';
import type { CallerTenant } from '../api-keys/caller.js';
import { DomainError, validationFailed } from '../common/domain-error.js';
import { problemOf, type Problem } from '../common/problem.js';
import { toDomainError } from '../common/problem.filter.js';
import { isTraceparent, traceparentFrom } from '../common/traceparent.js';
import { Tracing, type TraceSpan } from '../tracing/tracing.js';
import { readIdempotencyKey } from './idempotency-key.js';
import { Ingestor, type IngestOutcome, type Submission } from './ingestor.js';
import { PublishLimiter, rateLimited } from './publish-limiter.js';
import { PublishMetrics } from './publish-metrics.js';
import { PublishSignatures } from './publish-signatures.js';
import { parseBatchRequest, parsePublishRequest, type PublishProblem } from './publish-request.js';

export interface PublishAnswer {
  id: string;
  event_id: string | null;
  event_type: string;
  status: 'accepted';
  /** How many endpoints get it. */
  deliveries: number;
  duplicate: boolean;
  created_at: Date;
}

export interface BatchResult {
  index: number;
  status: 'accepted' | 'duplicate' | 'rejected';
  id?: string;
  error?: Problem;
}

export interface BatchAnswer {
  accepted: number;
  duplicates: number;
  rejected: number;
  results: BatchResult[];
}

/** The headers of a publish request that matter to it. */
export interface PublishHeaders {
  idempotencyKey: string | undefined;
  traceparent: string | undefined;
  signature: string | undefined;
  /** Of the request, for the log. */
  requestId: string;
}

export type SetHeaders = (headers: Record<string, string>) => void;

@Injectable()
export class EventsService {
  constructor(
    private readonly ingestor: Ingestor,
    private readonly limiter: PublishLimiter,
    private readonly signatures: PublishSignatures,
    private readonly metrics: PublishMetrics,
    private readonly tracing: Tracing,
  ) {}

  /**
   * @param setHeaders puts the bucket's state on the answer, also on that of a refusal
   * @throws DomainError for whatever api.md's "Publish" refuses
   */
  async publish(
    tenant: CallerTenant,
    body: Buffer,
    headers: PublishHeaders,
    setHeaders: SetHeaders,
  ): Promise<PublishAnswer> {
    refuseSuspended(tenant);
    await this.signatures.assert(tenant, body, headers.signature);
    const idempotencyKey = idempotencyKeyOf(headers);
    const parsed = parsePublishRequest(body);
    if (!parsed.ok) throw this.refused(toError(parsed.problem));
    const grant = await this.limiter.take(tenant, 1);
    setHeaders(grant.headers);
    if (grant.tokens < 1) throw this.refused(rateLimited(grant));
    return this.traced(tenant, headers, (trace) =>
      this.submitOne(tenant, { event: parsed.event, idempotencyKey, ...trace }, headers.requestId),
    );
  }

  /** Each event has its own outcome: a bad one never spoils the others. */
  async publishBatch(
    tenant: CallerTenant,
    body: Buffer,
    headers: PublishHeaders,
    setHeaders: SetHeaders,
  ): Promise<BatchAnswer> {
    refuseSuspended(tenant);
    await this.signatures.assert(tenant, body, headers.signature);
    if (headers.idempotencyKey !== undefined) {
      throw validationFailed([{ field: 'Idempotency-Key', message: 'give each event of a batch an event_id instead' }]);
    }
    const parsed = await parseBatchRequest(body);
    if (!parsed.ok) throw toError(parsed.problem);
    const grant = await this.limiter.take(tenant, parsed.items.filter(({ ok }) => ok).length);
    setHeaders(grant.headers);
    let taken = 0;
    return this.traced(tenant, headers, async (trace) => {
      const outcomes = await Promise.allSettled(
        parsed.items.map(async (item) => {
          if (!item.ok) throw this.refused(toError(item.problem));
          if (taken++ >= grant.tokens) throw this.refused(rateLimited(grant));
          return this.submitOne(tenant, { event: item.event, idempotencyKey: null, ...trace }, headers.requestId);
        }),
      );
      return toBatchAnswer(outcomes);
    });
  }

  private async submitOne(
    tenant: CallerTenant,
    submission: Omit<Submission, 'tenantId'>,
    requestId: string,
  ): Promise<PublishAnswer> {
    const outcome = await this.ingestor.submit({ tenantId: tenant.id, ...submission });
    return this.answer(tenant.id, requestId, outcome);
  }

  /** Events carry on the caller's trace: by a span of ours where there are traces, else as it came. */
  private async traced<T>(
    tenant: CallerTenant,
    { traceparent: header }: PublishHeaders,
    publish: (trace: { traceparent: string; span: TraceSpan | null }) => Promise<T>,
  ): Promise<T> {
    const parent = isTraceparent(header) ? header : null;
    const span = this.tracing.start('publish', { kind: 'server', parent, attributes: { tenant_id: tenant.id } });
    if (span === null) return publish({ traceparent: traceparentFrom(header), span });
    try {
      const answer = await publish({ traceparent: span.traceparent, span });
      span.end();
      return answer;
    } catch (error) {
      span.end(toDomainError(error).code);
      throw error;
    }
  }

  private answer(tenantId: string, requestId: string, outcome: IngestOutcome): PublishAnswer {
    switch (outcome.kind) {
      case 'accepted':
      case 'duplicate': {
        const { id, eventId, eventType, deliveries, createdAt } = outcome.event;
        this.metrics.answered(tenantId, requestId, outcome.kind, outcome.event);
        return {
          id,
          event_id: eventId,
          event_type: eventType,
          status: 'accepted',
          deliveries,
          duplicate: outcome.kind === 'duplicate',
          created_at: createdAt,
        };
      }
      case 'conflict': {
        const name = outcome.key === 'header' ? 'Idempotency-Key' : 'event_id';
        throw this.refused(
          new DomainError('idempotency_conflict', `Another event was posted under this ${name} in the last 24 hours.`, {
            errors: [{ field: name, message: 'already used for other content' }],
          }),
        );
      }
      case 'unknown_endpoints':
        throw this.refused(
          validationFailed(
            outcome.endpointIds.map((id) => ({ field: 'endpoint_ids', message: `no such endpoint: ${id}` })),
          ),
        );
    }
  }

  private refused(error: DomainError): DomainError {
    this.metrics.refused();
    return error;
  }
}

function refuseSuspended(tenant: CallerTenant): void {
  if (tenant.status === 'suspended') throw new DomainError('tenant_suspended', 'This tenant is suspended.');
}

function idempotencyKeyOf({ idempotencyKey }: PublishHeaders): string | null {
  if (idempotencyKey === undefined) return null;
  const key = readIdempotencyKey(idempotencyKey);
  if (key === null)
    throw validationFailed([{ field: 'Idempotency-Key', message: 'must be 1 to 255 printable characters' }]);
  return key;
}

function toError({ code, detail, errors }: PublishProblem): DomainError {
  const extras = errors === undefined ? {} : { errors };
  switch (code) {
    case 'malformed_json':
    case 'repeated_key':
      return new DomainError('malformed_request', detail, extras);
    case 'validation_failed':
      return new DomainError('validation_failed', detail, extras);
    case 'payload_too_large':
      return new DomainError('payload_too_large', detail, extras);
  }
}

/** @throws what went wrong on our side when not a single event was taken: then the whole request can be repeated. */
function toBatchAnswer(outcomes: PromiseSettledResult<PublishAnswer>[]): BatchAnswer {
  const results = outcomes.map((outcome, index): BatchResult => {
    if (outcome.status === 'rejected') {
      return { index, status: 'rejected', error: problemOf(toDomainError(outcome.reason)) };
    }
    return { index, status: outcome.value.duplicate ? 'duplicate' : 'accepted', id: outcome.value.id };
  });
  const count = (status: BatchResult['status']): number => results.filter((result) => result.status === status).length;
  const answer = { accepted: count('accepted'), duplicates: count('duplicate'), rejected: count('rejected'), results };
  const fault = outcomes.find(
    (outcome) => outcome.status === 'rejected' && toDomainError(outcome.reason).status >= 500,
  );
  if (fault?.status === 'rejected' && answer.rejected === results.length) throw fault.reason;
  return answer;
}
