import { setTimeout as delay } from 'node:timers/promises';
import { generateSecret } from '../src/signing/webhook-secret.js';
import {
  type ApiClient,
  type Attempt,
  createApiClient,
  type DeadLetter,
  type Delivery,
  type Page,
} from './api-client.js';
import type { Receiver } from './receiver.js';
import { alignColumns, type Palette } from './terminal.js';

const POLL_MS = 100;
/** Its schedule takes about ten seconds: what takes this long is stuck. */
const STORY_TIMEOUT_MS = 60_000;

const RETRY_POLICY = { max_attempts: 4, schedule_seconds: [0, 1, 2] };

const ENDPOINTS = [
  { path: '/ok', event_types: [], behaviour: 'answers 200' },
  { path: '/flaky', event_types: ['order.*'], behaviour: 'answers 500 twice, then 200' },
  { path: '/fail', event_types: ['order.created'], behaviour: 'always answers 500' },
  { path: '/slow', event_types: ['invoice.paid'], behaviour: 'answers 200 after 2 seconds' },
];

const EVENTS = [
  { event_type: 'order.created', payload: { order: 1001, total: '49.90' } },
  { event_type: 'order.shipped', payload: { order: 1001, parcel: 'PX-77' } },
  { event_type: 'invoice.paid', payload: { invoice: 'R-2042' } },
];

/** Every endpoint of the demo signs with this secret; yours have one each. */
export const SECRET = generateSecret('standard');

export interface StoryOptions {
  baseUrl: string;
  operatorKey: string;
  /** Verifies with {@link SECRET}. */
  receiver: Receiver;
  print: (line?: string) => void;
  colours: Palette;
  signal: AbortSignal;
}

/**
 * A tenant, its endpoints, three events and what becomes of them, told as it happens.
 * @throws Error when the API refuses something, or deliveries don't settle in time
 */
export async function tellStory(options: StoryOptions): Promise<void> {
  const { baseUrl, operatorKey, print, colours, signal } = options;
  const operator = createApiClient(baseUrl, operatorKey, signal);
  const tenant = await operator.post<{ api_key: string }>('/tenants', {
    name: 'Demo shop',
    retry_policy: RETRY_POLICY,
  });
  const api = createApiClient(baseUrl, tenant.api_key, signal);
  const pathOf = await createEndpoints(api, options);
  const expected = await publishEvents(api, options);

  print(colours.bold('Attempts, as they are recorded'));
  const deliveries = await watch(api, options, pathOf, expected);
  await tellDeadLetters(api, options, pathOf);
  tellSummary(options, pathOf, deliveries);
}

/** @returns the receiver's path by endpoint id */
async function createEndpoints(
  api: ApiClient,
  { receiver, print, colours }: StoryOptions,
): Promise<Map<string, string>> {
  const pathOf = new Map<string, string>();
  for (const { path, event_types } of ENDPOINTS) {
    const endpoint = await api.post<{ id: string }>('/endpoints', {
      url: `${receiver.url}${path}`,
      event_types,
      secret: SECRET,
    });
    pathOf.set(endpoint.id, path);
  }
  print(colours.bold('A tenant with four endpoints'));
  for (const line of alignColumns(
    ENDPOINTS.map(({ path, event_types, behaviour }) => [
      `  ${path}`,
      event_types.length === 0 ? 'every event' : event_types.join(', '),
      behaviour,
    ]),
  )) {
    print(line);
  }
  print(
    `  At most ${RETRY_POLICY.max_attempts} attempts: at once, after 1 s, then every 2 s, and up to a quarter more.\n`,
  );
  return pathOf;
}

/** @returns how many deliveries there must be */
async function publishEvents(api: ApiClient, { print, colours }: StoryOptions): Promise<number> {
  let deliveries = 0;
  print(colours.bold('Three events'));
  for (const event of EVENTS) {
    const answer = await api.post<{ id: string; deliveries: number }>('/events', event);
    deliveries += answer.deliveries;
    print(`  ${event.event_type.padEnd(13)}  202, for ${answer.deliveries} endpoints  ${colours.dim(answer.id)}`);
  }
  print();
  return deliveries;
}

/** Prints each attempt when it is recorded. @returns the deliveries when none is pending any more */
async function watch(
  api: ApiClient,
  options: StoryOptions,
  pathOf: ReadonlyMap<string, string>,
  expected: number,
): Promise<Delivery[]> {
  const deadline = performance.now() + STORY_TIMEOUT_MS;
  const shown = new Map<string, number>();
  for (;;) {
    const { data: deliveries } = await api.get<Page<Delivery>>('/deliveries?limit=200');
    const news: { delivery: Delivery; attempt: Attempt }[] = [];
    for (const delivery of deliveries) {
      const known = shown.get(delivery.id) ?? 0;
      if (delivery.attempts === known) continue;
      const { data: attempts } = await api.get<Page<Attempt>>(`/deliveries/${delivery.id}/attempts`);
      // Not more than `delivery` knows of: what came since is shown with the next look.
      const fresh = attempts.filter(({ attempt }) => attempt > known && attempt <= delivery.attempts);
      news.push(...fresh.map((attempt) => ({ delivery, attempt })));
      shown.set(delivery.id, delivery.attempts);
    }
    news.sort((a, b) => (a.attempt.created_at < b.attempt.created_at ? -1 : 1));
    for (const { delivery, attempt } of news) options.print(attemptLine(options, pathOf, delivery, attempt));
    if (deliveries.length === expected && deliveries.every(({ status }) => status !== 'pending')) return deliveries;
    if (performance.now() > deadline) throw new Error(`not every delivery settled within ${STORY_TIMEOUT_MS / 1000} s`);
    await delay(POLL_MS, undefined, { signal: options.signal });
  }
}

function attemptLine(
  { receiver, colours }: StoryOptions,
  pathOf: ReadonlyMap<string, string>,
  delivery: Delivery,
  attempt: Attempt,
): string {
  const path = pathOf.get(delivery.endpoint_id) ?? '?';
  const received = receiver.received.find(
    (request) =>
      request.webhookId === delivery.event_id && request.path === path && request.attempt === attempt.attempt,
  );
  const signature = received?.signature === 'valid' ? colours.good('signature ✓') : colours.bad('signature ✗');
  const answer = String(attempt.status_code ?? attempt.error);
  const paint = attempt.error === null ? colours.good : colours.bad;
  return [
    `  ${colours.dim(attempt.created_at.slice(11, 23))}`,
    delivery.event_type.padEnd(13),
    path.padEnd(6),
    `attempt ${attempt.attempt}`,
    paint(answer.padEnd(3)),
    `${attempt.duration_ms} ms`.padStart(7),
    signature,
    whatNext(delivery, attempt, colours),
  ].join('  ');
}

function whatNext(delivery: Delivery, attempt: Attempt, { good, bad, waiting }: Palette): string {
  if (attempt.error === null) return good('delivered');
  // A later attempt has been made meanwhile.
  if (attempt.attempt < delivery.attempts) return '';
  if (delivery.status === 'dead_letter') return bad('no attempts left: dead letter');
  if (delivery.next_attempt_at === null) return '';
  const endedAt = Date.parse(attempt.created_at) + attempt.duration_ms;
  return waiting(`next attempt in ${((Date.parse(delivery.next_attempt_at) - endedAt) / 1000).toFixed(1)} s`);
}

async function tellDeadLetters(
  api: ApiClient,
  { print, colours }: StoryOptions,
  pathOf: ReadonlyMap<string, string>,
): Promise<void> {
  const { data: letters } = await api.get<Page<DeadLetter>>('/dead-letters');
  print(`\n${colours.bold('Dead letters')}`);
  for (const letter of letters) {
    const path = pathOf.get(letter.endpoint_id) ?? '?';
    print(
      `  ${letter.event_type} to ${path}: ${colours.bad(letter.reason)} after ${letter.attempts} attempts, ` +
        `the last answered ${letter.last_status_code}`,
    );
    print(colours.dim(`  It keeps the payload. Once the endpoint works: POST /api/v1/dead-letters/${letter.id}/retry`));
  }
}

function tellSummary(
  { print, colours }: StoryOptions,
  pathOf: ReadonlyMap<string, string>,
  deliveries: readonly Delivery[],
): void {
  print(`\n${colours.bold('Summary')}`);
  const rows = [...deliveries]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((delivery) => [
      `  ${delivery.event_type}`,
      pathOf.get(delivery.endpoint_id) ?? '?',
      delivery.status,
      `${delivery.attempts} of ${delivery.max_attempts}`,
      String(delivery.last_status_code),
    ]);
  const [head = '', ...lines] = alignColumns([['  event', 'endpoint', 'status', 'attempts', 'last answer'], ...rows]);
  print(colours.dim(head));
  for (const line of lines) print(line);
  const succeeded = deliveries.filter(({ status }) => status === 'succeeded').length;
  print(
    `\n  ${succeeded} of ${deliveries.length} deliveries succeeded, ${deliveries.length - succeeded} became a dead letter.`,
  );
}
