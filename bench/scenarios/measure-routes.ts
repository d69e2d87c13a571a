import type { Bench } from '../bench-run.js';
import { sharedNow } from '../clock.js';
import { getRequest, type HttpAnswer, HttpConnection } from '../generator/http-connection.js';
import { type Percentiles, percentilesOf } from '../percentiles.js';
import type { Posthaste } from '../posthaste.js';
import type { Servers } from '../servers.js';
import type { Tenants } from '../tenants.js';
import { READING_ROUTES, type ReadingRoute } from './reading-routes.js';
import { drawSamples } from './route-samples.query.js';

/** Of each route: enough for a p99 that is not the maximum. */
const REQUESTS = 200;
/** A route that is too slow for so many shows that after some of them. */
const ENOUGH_MS = 5_000;

/**
 * Asks each route for one thing after the other on one connection.
 * @returns times by route
 * @throws Error when a route answers neither 200 nor, where a tenant has no such thing, 404
 */
export async function measureRoutes(
  { progress, options }: Pick<Bench, 'progress' | 'options'>,
  { ports, adminKey }: Pick<Posthaste, 'ports' | 'adminKey'>,
  { db }: Pick<Servers, 'db'>,
  tenants: Pick<Tenants, 'ids' | 'apiKeys'>,
): Promise<Record<string, Percentiles | null>> {
  const samples = await drawSamples(db, tenants, { deliveries: options.aged, count: REQUESTS });
  if (samples.length === 0) throw new Error('There is no delivery to look up.');
  const connection = new HttpConnection('127.0.0.1', ports[0] ?? 0);
  const ask = (text: string): Promise<HttpAnswer> => new Promise((resolve) => connection.send(text, resolve));
  const timeRoute = async (route: ReadingRoute): Promise<Percentiles | null> => {
    const times: number[] = [];
    const endsAt = sharedNow() + ENOUGH_MS;
    for (const sample of samples) {
      if (sharedNow() > endsAt) break;
      const path = route.path(sample);
      const fullPath = path.startsWith('//') ? path.slice(1) : `/api/v1${path}`;
      const key = route.key === 'operator' ? adminKey : (tenants.apiKeys[sample.tenant] ?? '');
      const text = getRequest(fullPath, { 'X-API-Key': key });
      const startedAt = sharedNow();
      const { status, body } = await ask(text);
      times.push(sharedNow() - startedAt);
      if (status !== 200 && !(status === 404 && path.endsWith('/none'))) {
        throw new Error(`GET ${fullPath} answered ${status}: ${body}`);
      }
    }
    return percentilesOf(Float64Array.from(times));
  };
  const latencies: Record<string, Percentiles | null> = {};
  try {
    for (const [n, route] of READING_ROUTES.entries()) {
      progress.show('aged', 'reading routes', n / READING_ROUTES.length, route.name);
      latencies[route.name] = await timeRoute(route);
    }
  } finally {
    connection.close();
  }
  return latencies;
}
