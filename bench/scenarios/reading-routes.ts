import type { RouteSample } from './route-samples.query.js';

/** Who may ask. */
export type RouteKey = 'tenant' | 'operator';

export interface ReadingRoute {
  name: string;
  /** From the base path on, or from the root where it begins with `//`. */
  path: (sample: RouteSample) => string;
  key?: RouteKey;
}

const DAY_MS = 24 * 3_600_000;
const dayBefore = (at: string): string => new Date(Date.parse(at) - DAY_MS).toISOString();

const route = (name: string, path: (sample: RouteSample) => string = () => name, key?: RouteKey): ReadingRoute => ({
  name: `GET ${name}`,
  path,
  key,
});
/** Of a list with a filter whose value is the same for all. */
const list = (path: string, note = ''): ReadingRoute => ({ name: `GET ${path}${note}`, path: () => path });

/** `order.created` is seven rows in ten, `invoice.voided` one in 1,000, `account.closed` one in 50,000, `no.such` none. */
const EVENT_LISTS: readonly ReadingRoute[] = [
  list('/events'),
  list('/events?limit=200'),
  list('/events?event_type=order.created'),
  list('/events?event_type=invoice.voided'),
  list('/events?event_type=account.closed'),
  list('/events?event_type=no.such'),
  list('/events?source=bench'),
  list('/events?source=elsewhere'),
  route('/events?event_id=<own>', ({ own_id }) => `/events?event_id=${own_id}`),
  route('/events?before=', ({ at }) => `/events?before=${at}`),
  route('/events?cursor=<deep>', ({ event_id }) => `/events?cursor=${event_id}`),
  route(
    '/events?after=&before=&event_type=invoice.voided',
    ({ at }) => `/events?after=${dayBefore(at)}&before=${at}&event_type=invoice.voided`,
  ),
];

const DELIVERY_LISTS: readonly ReadingRoute[] = [
  list('/deliveries'),
  list('/deliveries?limit=200'),
  ...['succeeded', 'dead_letter', 'cancelled', 'pending'].map((status) => list(`/deliveries?status=${status}`)),
  ...['order.created', 'invoice.voided', 'account.closed', 'no.such'].map((type) =>
    list(`/deliveries?event_type=${type}`),
  ),
  list('/deliveries?status=dead_letter&event_type=invoice.voided'),
  list('/deliveries?status=succeeded&event_type=account.closed'),
  route('/deliveries?cursor=<deep>', ({ delivery_id }) => `/deliveries?cursor=${delivery_id}`),
  route(
    '/deliveries?cursor=<deep>&status=dead_letter',
    ({ delivery_id }) => `/deliveries?cursor=${delivery_id}&status=dead_letter`,
  ),
  route('/deliveries?event_id=', ({ event_id }) => `/deliveries?event_id=${event_id}`),
  route('/deliveries?event_id=<own>', ({ own_id }) => `/deliveries?event_id=${own_id}`),
  route('/deliveries?endpoint_id=', ({ endpoint_id }) => `/deliveries?endpoint_id=${endpoint_id}`),
  route('/deliveries?endpoint_id=<quiet>', ({ quiet_endpoint_id: id }) => `/deliveries?endpoint_id=${id}`),
  route('/deliveries?endpoint_id=&status=dead_letter', ({ endpoint_id: id }) => {
    return `/deliveries?endpoint_id=${id}&status=dead_letter`;
  }),
  route('/deliveries?endpoint_id=&event_type=account.closed', ({ endpoint_id: id }) => {
    return `/deliveries?endpoint_id=${id}&event_type=account.closed`;
  }),
  route(
    '/deliveries?after=&before=&status=dead_letter',
    ({ at }) => `/deliveries?after=${dayBefore(at)}&before=${at}&status=dead_letter`,
  ),
];

const LETTER_LISTS: readonly ReadingRoute[] = [
  list('/dead-letters'),
  list('/dead-letters?resolved=false'),
  list('/dead-letters?reason=gone'),
  list('/dead-letters?event_type=account.closed'),
  route('/dead-letters?endpoint_id=<quiet>', ({ quiet_endpoint_id: id }) => `/dead-letters?endpoint_id=${id}`),
];

/** Every list and look-up that a console or a customer asks for, with rare, frequent and unknown values. */
export const READING_ROUTES: readonly ReadingRoute[] = [
  ...EVENT_LISTS,
  route('/events/:id', ({ event_id }) => `/events/${event_id}`),
  route('/events/:id <own>', ({ own_id }) => `/events/${own_id}`),
  ...DELIVERY_LISTS,
  route('/deliveries/:id', ({ delivery_id }) => `/deliveries/${delivery_id}`),
  route('/deliveries/:id/attempts', ({ delivery_id }) => `/deliveries/${delivery_id}/attempts`),
  ...LETTER_LISTS,
  route('/dead-letters/:id', ({ letter_id }) => (letter_id === null ? '/dead-letters' : `/dead-letters/${letter_id}`)),
  list('/endpoints'),
  route('/endpoints/:id', ({ endpoint_id }) => `/endpoints/${endpoint_id}`),
  list('/endpoints/health'),
  route('/endpoints/:id/health', ({ endpoint_id }) => `/endpoints/${endpoint_id}/health`),
  list('/stats?window=1h'),
  list('/stats?window=24h'),
  list('/stats?window=7d'),
  route('/replays/:id', ({ replay_id }) => (replay_id === null ? '/endpoints' : `/replays/${replay_id}`)),
  list('/api-keys'),
  list('/audit-log'),
  list('/audit-log?action=endpoint.updated'),
  route('/audit-log?subject_id=', ({ endpoint_id }) => `/audit-log?subject_id=${endpoint_id}`),
  route('/audit-log <operator>', () => '/audit-log', 'operator'),
  route('/tenants', () => '/tenants', 'operator'),
  route('/system', () => '/system', 'operator'),
  route('/metrics', () => '//metrics', 'operator'),
];
