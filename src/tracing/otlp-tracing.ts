import { Logger } from '@nestjs/common';
import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Span, Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { VERSION } from '../common/version.js';
import { Tracing, type SpanAttributes, type SpanKind as Kind, type SpanStart, type TraceSpan } from './tracing.js';

const KINDS: Record<Kind, SpanKind> = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
};

const REPORT_EVERY_MS = 60_000;

/** Spans over OTLP/HTTP. OpenTelemetry's other variables (sampler, headers, batches) are read by its own packages. */
export class OtlpTracing extends Tracing {
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;

  /** @param endpoint of the collector, without the path of a signal */
  constructor(endpoint: string) {
    super();
    reportTrouble();
    this.provider = new BasicTracerProvider({
      resource: resourceFromAttributes({
        'service.name': 'posthaste',
        'service.version': VERSION,
        'process.pid': process.pid,
      }),
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))],
    });
    this.tracer = this.provider.getTracer('posthaste', VERSION);
  }

  start(name: string, { kind, parent, attributes, sinceMs = 0 }: SpanStart): TraceSpan {
    const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent));
    const options = { kind: KINDS[kind], attributes, startTime: Date.now() - sinceMs };
    return new OtlpSpan(this.tracer, this.tracer.startSpan(name, options, context));
  }

  close(): Promise<void> {
    return this.provider.shutdown();
  }
}

class OtlpSpan implements TraceSpan {
  constructor(
    private readonly tracer: Tracer,
    private readonly span: Span,
  ) {}

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  child(name: string, kind: Kind = 'internal', attributes?: SpanAttributes): TraceSpan {
    const context = trace.setSpan(ROOT_CONTEXT, this.span);
    return new OtlpSpan(this.tracer, this.tracer.startSpan(name, { kind: KINDS[kind], attributes }, context));
  }

  end(failure: string | null = null): void {
    if (failure !== null) this.span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    this.span.end();
  }
}

/** @param traceparent of version 00, as `traceparentFrom` lets it pass */
function contextOf(traceparent: string): { traceId: string; spanId: string; traceFlags: number; isRemote: true } {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** A collector that is away costs spans and nothing else; one line a minute says so. */
function reportTrouble(): void {
  const logger = new Logger('Tracing');
  let reportedAt = -Infinity;
  const report = (): void => {
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = performance.now();
    logger.warn('Spans could not be sent to OTEL_EXPORTER_OTLP_ENDPOINT; they are dropped.');
  };
  const nothing = (): void => undefined;
  diag.setLogger(
    { error: report, warn: nothing, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
}
