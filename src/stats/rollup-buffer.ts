import { bucketOf, noLatencies } from './latency-buckets.js';

/** An attempt, as far as statistics care. */
export interface CountedAttempt {
  tenantId: string;
  endpointId: string;
  succeeded: boolean;
  durationMs: number;
}

export type SettledStatus = 'succeeded' | 'dead_letter' | 'cancelled';

/** Not yet written additions to an endpoint's minute. Times are in ms since the epoch. */
export interface EndpointAdditions {
  readonly endpointId: string;
  readonly minuteMs: number;
  succeeded: number;
  failed: number;
  readonly latencyCounts: number[];
  lastSuccessMs: number | null;
  lastFailureMs: number | null;
}

/** Not yet written additions to a tenant's minute. */
export interface TenantAdditions {
  readonly tenantId: string;
  readonly minuteMs: number;
  events: number;
  deliveries: number;
  readonly settled: Record<SettledStatus, number>;
  attemptsSucceeded: number;
  attemptsFailed: number;
  readonly latencyCounts: number[];
}

const MINUTE_MS = 60_000;

const minuteOf = (atMs: number): number => Math.floor(atMs / MINUTE_MS) * MINUTE_MS;

/**
 * Sums of what happened, by endpoint or tenant and minute, until they are written. Holds up to `maxKeys` sums of each kind;
 * beyond that the oldest go, so that an absence of PostgreSQL costs statistics and not the process.
 */
export class RollupBuffer {
  /** Sums that were given up for want of room. */
  dropped = 0;
  private endpoints = new Map<string, EndpointAdditions>();
  private tenants = new Map<string, TenantAdditions>();

  constructor(private readonly maxKeys: number) {}

  get isEmpty(): boolean {
    return this.endpoints.size === 0 && this.tenants.size === 0;
  }

  attempted(atMs: number, { tenantId, endpointId, succeeded, durationMs }: CountedAttempt): void {
    const bucket = bucketOf(durationMs);
    const endpoint = this.endpoint(endpointId, minuteOf(atMs));
    const tenant = this.tenant(tenantId, minuteOf(atMs));
    increment(endpoint.latencyCounts, bucket);
    increment(tenant.latencyCounts, bucket);
    if (succeeded) {
      endpoint.succeeded++;
      endpoint.lastSuccessMs = latest(endpoint.lastSuccessMs, atMs);
      tenant.attemptsSucceeded++;
    } else {
      endpoint.failed++;
      endpoint.lastFailureMs = latest(endpoint.lastFailureMs, atMs);
      tenant.attemptsFailed++;
    }
  }

  accepted(atMs: number, tenantId: string, deliveries: number): void {
    const tenant = this.tenant(tenantId, minuteOf(atMs));
    tenant.events++;
    tenant.deliveries += deliveries;
  }

  settled(atMs: number, tenantId: string, status: SettledStatus, count: number): void {
    this.tenant(tenantId, minuteOf(atMs)).settled[status] += count;
  }

  /** Everything that is held, which is held no longer. */
  take(): { endpoints: EndpointAdditions[]; tenants: TenantAdditions[] } {
    const taken = { endpoints: [...this.endpoints.values()], tenants: [...this.tenants.values()] };
    this.endpoints = new Map();
    this.tenants = new Map();
    return taken;
  }

  /** Takes back what could not be written, as the oldest of what is held. */
  putBack(endpoints: readonly EndpointAdditions[], tenants: readonly TenantAdditions[]): void {
    const newer = this.take();
    for (const sums of [...endpoints, ...newer.endpoints]) {
      const held = this.endpoint(sums.endpointId, sums.minuteMs);
      held.succeeded += sums.succeeded;
      held.failed += sums.failed;
      held.lastSuccessMs = latest(held.lastSuccessMs, sums.lastSuccessMs);
      held.lastFailureMs = latest(held.lastFailureMs, sums.lastFailureMs);
      addTo(held.latencyCounts, sums.latencyCounts);
    }
    for (const sums of [...tenants, ...newer.tenants]) {
      const held = this.tenant(sums.tenantId, sums.minuteMs);
      held.events += sums.events;
      held.deliveries += sums.deliveries;
      held.settled.succeeded += sums.settled.succeeded;
      held.settled.dead_letter += sums.settled.dead_letter;
      held.settled.cancelled += sums.settled.cancelled;
      held.attemptsSucceeded += sums.attemptsSucceeded;
      held.attemptsFailed += sums.attemptsFailed;
      addTo(held.latencyCounts, sums.latencyCounts);
    }
  }

  private endpoint(endpointId: string, minuteMs: number): EndpointAdditions {
    return this.find(this.endpoints, `${endpointId} ${minuteMs}`, () => ({
      endpointId,
      minuteMs,
      succeeded: 0,
      failed: 0,
      latencyCounts: noLatencies(),
      lastSuccessMs: null,
      lastFailureMs: null,
    }));
  }

  private tenant(tenantId: string, minuteMs: number): TenantAdditions {
    return this.find(this.tenants, `${tenantId} ${minuteMs}`, () => ({
      tenantId,
      minuteMs,
      events: 0,
      deliveries: 0,
      settled: { succeeded: 0, dead_letter: 0, cancelled: 0 },
      attemptsSucceeded: 0,
      attemptsFailed: 0,
      latencyCounts: noLatencies(),
    }));
  }

  private find<Sums>(held: Map<string, Sums>, key: string, make: () => Sums): Sums {
    const known = held.get(key);
    if (known !== undefined) return known;
    const made = make();
    held.set(key, made);
    if (held.size > this.maxKeys) {
      // A map keeps its keys in the order in which they came.
      held.delete(held.keys().next().value as string);
      this.dropped++;
    }
    return made;
  }
}

function increment(counts: number[], index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

function addTo(counts: number[], more: readonly number[]): void {
  for (const [index, count] of more.entries()) counts[index] = (counts[index] ?? 0) + count;
}

const latest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);
