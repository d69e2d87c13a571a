// What the processes of the benchmark tell each other. Large results travel as typed arrays (structured clone).

/** What the receiver does at an endpoint; the first segment of its path. */
export type EndpointKind = 'ok' | 'flaky' | 'slow';

/** Bytes of an id's text, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
export const ID_BYTES = 36;

/** A request as the generator sends it, cut in two where each event's own number goes. */
export interface RequestTemplate {
  head: string;
  tail: string;
}

export interface LoadPlan {
  host: string;
  /** Connections are spread over these, one API process each. */
  ports: number[];
  connections: number;
  /** One for each tenant. */
  templates: RequestTemplate[];
  /** Weights of the tenants; undefined: all alike. Need not sum up to 1. */
  weights?: number[];
  seconds: number;
  /** Events a second at even intervals, whatever the answers do; undefined: as fast as the connections go. */
  ratePerSecond?: number;
  /** Deliveries that may be under way before sending pauses, so that no backlog builds up; undefined: any number. */
  outstanding?: number;
  /** Deliveries that each event causes. */
  fanOut: number;
}

/** Index by index, one for each event that was answered 202. */
export interface AcceptedEvents {
  /** {@link ID_BYTES} each. */
  ids: Uint8Array;
  tenants: Uint32Array;
  /** When it was sent, or at a fixed rate when it should have been; shared clock. */
  sentAt: Float64Array;
  /** When its answer was there. */
  acceptedAt: Float64Array;
}

export interface LoadResult {
  accepted: AcceptedEvents;
  startedAt: number;
  /** When the last answer was there. */
  endedAt: number;
  /** Answers other than 202 by status; 0: no answer. */
  refused: Record<string, number>;
}

export interface ReceiverPlan {
  /** Ports to listen on: each is an origin with connections of its own, as customers' servers are. */
  origins: number;
  flakyShare: number;
  slowMs: number;
}

/** Index by index, one for each request that the receiver got. */
export interface ReceivedRequests {
  ids: Uint8Array;
  /** From the path. */
  endpoints: Uint32Array;
  /** As answered. */
  statuses: Uint16Array;
  /** 1: signed with the endpoint's secret, over these very bytes. */
  valid: Uint8Array;
  /** When its first byte was there; shared clock. */
  firstByteAt: Float64Array;
}

export type GeneratorMessage = { kind: 'run'; plan: LoadPlan } | { kind: 'delivered'; count: number };
export type GeneratorReport = { kind: 'progress'; accepted: number } | { kind: 'done'; result: LoadResult };

export type ReceiverMessage = { kind: 'listen'; plan: ReceiverPlan } | { kind: 'collect'; secrets: string[] };
export type ReceiverReport =
  | { kind: 'listening'; ports: number[] }
  /** Requests answered with 200 so far. */
  | { kind: 'count'; succeeded: number }
  | { kind: 'collected'; requests: ReceivedRequests };
