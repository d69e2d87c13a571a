import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The process's Prometheus metrics, declared in one place so that their names and labels can be read at a glance. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly eventsPublished = new Counter({
    name: 'webhook_events_published_total',
    help: 'Events posted, by what became of them.',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  readonly deliveryAttempts = new Counter({
    name: 'webhook_delivery_attempts_total',
    help: 'Attempts made.',
    registers: [this.registry],
  });
  readonly deliverySuccess = new Counter({
    name: 'webhook_delivery_success_total',
    help: 'Attempts answered with 2xx.',
    registers: [this.registry],
  });
  readonly deliveryFailures = new Counter({
    name: 'webhook_delivery_failures_total',
    help: 'Attempts that failed, by reason.',
    labelNames: ['reason'] as const,
    registers: [this.registry],
  });
  readonly deliveryDuration = new Histogram({
    name: 'webhook_delivery_duration_seconds',
    help: 'How long attempts took.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30],
    registers: [this.registry],
  });
  readonly deadLetters = new Gauge({
    name: 'webhook_dlq_size',
    help: 'Dead letters that are not resolved.',
    registers: [this.registry],
  });
  readonly rateLimitHits = new Counter({
    name: 'webhook_rate_limit_hits_total',
    help: 'Events refused or attempts put off because a token bucket was empty.',
    labelNames: ['limit'] as const,
    registers: [this.registry],
  });
  readonly httpRequests = new Counter({
    name: 'webhook_http_requests_total',
    help: 'Requests to the API.',
    labelNames: ['method', 'route', 'status'] as const,
    registers: [this.registry],
  });
  readonly ingestBatchSize = new Histogram({
    name: 'webhook_ingest_batch_size',
    help: 'Events that one commit took.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers: [this.registry],
  });
  readonly workerErrors = new Counter({
    name: 'webhook_worker_errors_total',
    help: 'Jobs that failed through a fault of our own; they spend no attempt and are enqueued again.',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}
