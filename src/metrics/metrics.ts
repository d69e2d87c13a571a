import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../common/version.js';

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
  readonly rateLimitHits = new Counter({
    name: 'webhook_rate_limit_hits_total',
    help: 'Events refused or attempts put off because a token bucket was empty.',
    labelNames: ['limit'] as const,
    registers: [this.registry],
  });
  readonly httpRequests = new Counter({
    name: 'webhook_http_requests_total',
    help: 'Requests answered, by route (its pattern), method and status.',
    labelNames: ['method', 'route', 'status'] as const,
    registers: [this.registry],
  });
  readonly httpRequestDuration = new Histogram({
    name: 'webhook_http_request_duration_seconds',
    help: 'From a request being read to its answer being sent, by route and method.',
    labelNames: ['method', 'route'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
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

  readonly retentionRemoved = new Counter({
    name: 'webhook_retention_removed_total',
    help: "What retention took away: partitions dropped, and rows by kind where a tenant's own is shorter or rows expire.",
    labelNames: ['what'] as const,
    registers: [this.registry],
  });

  constructor() {
    new Gauge({
      name: 'webhook_build_info',
      help: 'Always 1; what runs here is in the labels.',
      labelNames: ['version', 'node'],
      registers: [this.registry],
    }).set({ version: VERSION, node: process.version }, 1);
    collectDefaultMetrics({ register: this.registry });
  }
}
