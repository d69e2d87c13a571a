import type { Scope } from '../../src/api-keys/api-key.entity.js';
import type { Answer, TenantClient } from './api-client.js';

/** What a route is, to somebody it is not for. */
export type RouteCase =
  /** Open to all. */
  | { kind: 'public' }
  /** The operator's page, which tenants' keys don't open. */
  | { kind: 'operator page' }
  | { kind: 'operator' }
  /** Takes the credentials in its own form, and has failures of its own. */
  | { kind: 'oauth' }
  /** For whoever has a key. */
  | { kind: 'anybody known' }
  /** For whoever has a session. */
  | { kind: 'session' }
  /** Names something by id: another tenant's is not found. */
  | { kind: 'by id'; scope: Scope; body?: object }
  /** Acts on the caller's own, whatever ids of another tenant come with it: such a call ends with `status` and shows nothing. */
  | {
      kind: 'own';
      scope: Scope;
      status: number;
      body?: (victim: Victim) => object;
      queries?: (victim: Victim) => string[];
    };

/** Ids of the tenant that is to be left alone. */
export interface Victim {
  client: TenantClient;
  ids: Record<string, string[]>;
}

const URL_OF_NOBODY = 'http://127.0.0.1:64999/';
const EVENT = { event_type: 'order.created', payload: {} };
const idOf = (victim: Victim, resource: string): string => victim.ids[resource]?.[0] ?? '';
const filtersOf = (victim: Victim): string[] => [
  `?event_id=${idOf(victim, 'events')}`,
  '?event_id=acme-order-1',
  `?endpoint_id=${idOf(victim, 'endpoints')}`,
  `?cursor=ffffffff-ffff-7fff-bfff-ffffffffffff`,
];

/** Every route there is; a test compares them with the document of the API. */
export const ROUTE_CASES: Record<string, RouteCase> = {
  'GET /health/live': { kind: 'public' },
  'GET /health/ready': { kind: 'public' },
  'GET /metrics': { kind: 'operator page' },

  'POST /api/v1/tenants': { kind: 'operator' },
  'GET /api/v1/tenants': { kind: 'operator' },
  'GET /api/v1/tenants/{id}': { kind: 'operator' },
  'PATCH /api/v1/tenants/{id}': { kind: 'operator' },
  'DELETE /api/v1/tenants/{id}': { kind: 'operator' },
  'POST /api/v1/tenants/{id}/portal-links': { kind: 'by id', scope: 'keys:write', body: {} },

  'POST /oauth/token': { kind: 'oauth' },
  'POST /api/v1/session': { kind: 'anybody known' },
  'GET /api/v1/session': { kind: 'session' },
  'DELETE /api/v1/session': { kind: 'session' },

  'POST /api/v1/api-keys': { kind: 'own', scope: 'keys:write', status: 201, body: () => ({ name: 'mine' }) },
  'GET /api/v1/api-keys': { kind: 'own', scope: 'keys:write', status: 200 },
  'POST /api/v1/api-keys/{id}/rotate': { kind: 'by id', scope: 'keys:write', body: { overlap_seconds: 0 } },
  'DELETE /api/v1/api-keys/{id}': { kind: 'by id', scope: 'keys:write' },

  'POST /api/v1/endpoints': {
    kind: 'own',
    scope: 'endpoints:write',
    status: 201,
    body: () => ({ url: URL_OF_NOBODY }),
  },
  'GET /api/v1/endpoints': { kind: 'own', scope: 'endpoints:read', status: 200 },
  'GET /api/v1/endpoints/health': { kind: 'own', scope: 'endpoints:read', status: 200 },
  'GET /api/v1/endpoints/{id}': { kind: 'by id', scope: 'endpoints:read' },
  'GET /api/v1/endpoints/{id}/health': { kind: 'by id', scope: 'endpoints:read' },
  'PATCH /api/v1/endpoints/{id}': { kind: 'by id', scope: 'endpoints:write', body: { url: URL_OF_NOBODY } },
  'DELETE /api/v1/endpoints/{id}': { kind: 'by id', scope: 'endpoints:write' },
  'GET /api/v1/endpoints/{id}/secret': { kind: 'by id', scope: 'endpoints:write' },
  'POST /api/v1/endpoints/{id}/secret/rotate': { kind: 'by id', scope: 'endpoints:write', body: {} },
  'POST /api/v1/endpoints/{id}/test': { kind: 'by id', scope: 'endpoints:write' },
  'POST /api/v1/endpoints/{id}/replay': {
    kind: 'by id',
    scope: 'deliveries:write',
    body: { since: '2020-01-01T00:00:00Z' },
  },
  'GET /api/v1/replays/{id}': { kind: 'by id', scope: 'deliveries:read' },

  'POST /api/v1/events': {
    kind: 'own',
    scope: 'events:write',
    status: 422,
    body: (victim) => ({ ...EVENT, endpoint_ids: [idOf(victim, 'endpoints')] }),
  },
  'POST /api/v1/events/batch': {
    kind: 'own',
    scope: 'events:write',
    status: 202,
    body: (victim) => ({ events: [{ ...EVENT, endpoint_ids: [idOf(victim, 'endpoints')] }, EVENT] }),
  },
  'GET /api/v1/events': { kind: 'own', scope: 'events:read', status: 200, queries: () => ['?event_id=acme-order-2'] },
  'GET /api/v1/events/{id}': { kind: 'by id', scope: 'events:read' },
  'POST /api/v1/events/{id}/replay': { kind: 'by id', scope: 'deliveries:write', body: {} },

  'GET /api/v1/deliveries': { kind: 'own', scope: 'deliveries:read', status: 200, queries: filtersOf },
  'GET /api/v1/deliveries/{id}': { kind: 'by id', scope: 'deliveries:read' },
  'GET /api/v1/deliveries/{id}/attempts': { kind: 'by id', scope: 'deliveries:read' },
  'POST /api/v1/deliveries/{id}/retry': { kind: 'by id', scope: 'deliveries:write' },
  'POST /api/v1/deliveries/{id}/cancel': { kind: 'by id', scope: 'deliveries:write' },

  'GET /api/v1/dead-letters': {
    kind: 'own',
    scope: 'deliveries:read',
    status: 200,
    queries: (victim) => [`?endpoint_id=${idOf(victim, 'endpoints')}`],
  },
  'GET /api/v1/dead-letters/{id}': { kind: 'by id', scope: 'deliveries:read' },
  'POST /api/v1/dead-letters/{id}/retry': { kind: 'by id', scope: 'deliveries:write' },
  'POST /api/v1/dead-letters/{id}/resolve': { kind: 'by id', scope: 'deliveries:write' },
  'POST /api/v1/dead-letters/resolve': { kind: 'own', scope: 'deliveries:write', status: 200, body: () => ({}) },
  'POST /api/v1/dead-letters/retry': { kind: 'own', scope: 'deliveries:write', status: 202, body: () => ({}) },

  'GET /api/v1/system': { kind: 'operator' },
  'POST /api/v1/demo': { kind: 'operator' },
  'GET /api/v1/stream': { kind: 'own', scope: 'deliveries:read', status: 200 },

  'GET /api/v1/stats': { kind: 'own', scope: 'deliveries:read', status: 200 },

  'GET /api/v1/audit-log': {
    kind: 'own',
    scope: 'keys:write',
    status: 200,
    queries: (victim) => [`?subject_id=${idOf(victim, 'endpoints')}`, `?actor_id=${idOf(victim, 'api-keys')}`],
  },
};

export interface CallRouteOptions {
  id?: string;
  query?: string;
  /** Default: an empty object on POST and PATCH. */
  body?: object;
}

/** Calls a route as the document of the API names it, with these headers and no others. */
export async function callRoute(
  url: string,
  route: string,
  headers: Record<string, string>,
  { id = '', query = '', body }: CallRouteOptions = {},
): Promise<Answer> {
  const [method = '', template = ''] = route.split(' ');
  const sent = body ?? (method === 'POST' || method === 'PATCH' ? {} : undefined);
  const response = await fetch(`${url}${template.replace('{id}', encodeURIComponent(id))}${query}`, {
    method,
    headers: { ...(sent === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
  });
  const text = await textOf(response);
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const parsed = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, body: parsed };
}

/** Every route that the document of the API has. */
export async function routesOf(url: string): Promise<string[]> {
  const { paths } = (await (await fetch(`${url}/docs-json`)).json()) as { paths: Record<string, object> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/** Of a stream that goes on for ever, what comes first. */
async function textOf(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'text/event-stream') return response.text();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return Buffer.from(value ?? []).toString();
}
