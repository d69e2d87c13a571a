export type SpanKind = 'server' | 'producer' | 'consumer' | 'client' | 'internal';
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** A span under way. Its parent is always named: nothing follows the calls by AsyncLocalStorage, which each of them would pay for. */
export interface TraceSpan {
  /** W3C trace context that names this span as the parent. */
  readonly traceparent: string;
  child(name: string, kind?: SpanKind, attributes?: SpanAttributes): TraceSpan;
  /** @param failure a code; null or left out: it went well */
  end(failure?: string | null): void;
}

export interface SpanStart {
  kind: SpanKind;
  /** W3C trace context; null: the span begins a trace. */
  parent: string | null;
  attributes?: SpanAttributes;
  /** For how long it has been under way. */
  sinceMs?: number;
}

/** Traces, where `OTEL_EXPORTER_OTLP_ENDPOINT` says where they go. */
export abstract class Tracing {
  /** Null where there are none. */
  abstract start(name: string, start: SpanStart): TraceSpan | null;
  /** Sends what was not sent yet. */
  abstract close(): Promise<void>;
}

/** Costs a call. */
export class NoTracing extends Tracing {
  start(): null {
    return null;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * A child of each, where many things are done at once for all of them.
 * @returns ends all children
 */
export function startChildren(
  parents: readonly (TraceSpan | null | undefined)[],
  name: string,
  kind: SpanKind = 'internal',
): () => void {
  const children = parents.flatMap((parent) => parent?.child(name, kind) ?? []);
  return () => {
    for (const child of children) child.end();
  };
}
