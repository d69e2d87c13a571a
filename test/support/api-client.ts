import { waitFor } from './processes.js';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';

/** An answer of the API, whatever its status. */
export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed where there is any; the text itself where it is no JSON. */
  body: Body;
}

export interface CallOptions {
  /** A string or bytes are sent as they are, all else as JSON. */
  body?: unknown;
  /** Over the client's own. */
  headers?: Record<string, string>;
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export interface EndpointBody {
  id: string;
  url: string;
  is_active: boolean;
  headers: Record<string, string>;
  disabled_reason: string | null;
  /** Only in the answer to its creation. */
  secret: string | null;
}

export interface PublishBody {
  id: string;
  event_id: string | null;
  event_type: string;
  status: 'accepted';
  deliveries: number;
  duplicate: boolean;
  created_at: string;
}

export interface BatchBody {
  accepted: number;
  duplicates: number;
  rejected: number;
  results: { index: number; status: string; id?: string; error?: { type: string; status: number } }[];
}

export interface DeliveryBody {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  status: 'pending' | 'succeeded' | 'dead_letter' | 'cancelled';
  attempts: number;
  max_attempts: number;
  next_attempt_at: string | null;
  held_by: string | null;
  last_status_code: number | null;
  last_error: string | null;
  created_at: string;
  completed_at: string | null;
}

export interface AttemptBody {
  id: string;
  delivery_id: string;
  attempt: number;
  outcome: 'succeeded' | 'failed';
  status_code: number | null;
  error: string | null;
  request: { url: string; headers: Record<string, string>; body: string | null };
  response: { headers: Record<string, string | string[]>; body: string | null; truncated: boolean };
  duration_ms: number;
  created_at: string;
}

export interface DeadLetterBody {
  id: string;
  delivery_id: string;
  event_id: string;
  endpoint_id: string;
  reason: string;
  payload: unknown;
  attempts: number;
  resolved_at: string | null;
  resolution: string | null;
}

export interface NewEvent {
  event_id?: string;
  event_type?: string;
  source?: string;
  payload?: unknown;
  endpoint_ids?: string[];
}

/** Calls the API over a socket with one key. Paths are below `/api/v1`. */
export class ApiClient {
  constructor(
    /** Of the process, without a path. */
    readonly url: string,
    readonly key: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  async call<Body = Record<string, unknown>>(
    method: Method,
    path: string,
    { body, headers }: CallOptions = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        'x-api-key': this.key,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...this.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: bytesOf(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) as Body };
  }

  /** @throws Error with the answer when it is no success. */
  async request<Body = Record<string, unknown>>(method: Method, path: string, options?: CallOptions): Promise<Body> {
    const { status, text, body } = await this.call<Body>(method, path, options);
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
    return body;
  }

  get<Body = Record<string, unknown>>(path: string): Promise<Body> {
    return this.request<Body>('GET', path);
  }

  post<Body = Record<string, unknown>>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Body> {
    return this.request<Body>('POST', path, { body, headers });
  }

  patch<Body = Record<string, unknown>>(path: string, body: unknown): Promise<Body> {
    return this.request<Body>('PATCH', path, { body });
  }

  delete(path: string): Promise<unknown> {
    return this.request('DELETE', path);
  }

  /** All items of a list, page by page. */
  async list<Item>(path: string, limit = 200): Promise<Item[]> {
    const items: Item[] = [];
    let cursor: string | null = null;
    do {
      const after: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Page<Item> = await this.get<Page<Item>>(
        `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${after}`,
      );
      items.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }
}

/** A tenant's backend. */
export class TenantClient extends ApiClient {
  constructor(
    url: string,
    key: string,
    readonly id: string,
    readonly secretKey: string,
  ) {
    super(url, key);
  }

  /** The same tenant at another API process. */
  at(url: string): TenantClient {
    return new TenantClient(url, this.key, this.id, this.secretKey);
  }

  createEndpoint(url: string, settings: Record<string, unknown> = {}): Promise<EndpointBody> {
    return this.post<EndpointBody>('/endpoints', { url, ...settings });
  }

  publish(event: NewEvent = {}, headers?: Record<string, string>): Promise<PublishBody> {
    return this.post<PublishBody>('/events', { event_type: 'order.created', payload: { total: 1 }, ...event }, headers);
  }

  delivery(id: string): Promise<DeliveryBody> {
    return this.get<DeliveryBody>(`/deliveries/${id}`);
  }

  deliveriesOf(eventId: string): Promise<DeliveryBody[]> {
    return this.list<DeliveryBody>(`/deliveries?event_id=${eventId}`);
  }

  /** The delivery of an event that has exactly one. */
  async onlyDeliveryOf(eventId: string): Promise<DeliveryBody> {
    const [first, ...rest] = await this.deliveriesOf(eventId);
    if (first === undefined || rest.length > 0) throw new Error(`Event ${eventId} has not exactly one delivery`);
    return first;
  }

  /** In the order in which they were made. */
  async attemptsOf(deliveryId: string): Promise<AttemptBody[]> {
    return (await this.list<AttemptBody>(`/deliveries/${deliveryId}/attempts`)).reverse();
  }

  /** Waits until a delivery is as it should be. */
  async waitForDelivery(
    id: string,
    isRight: (delivery: DeliveryBody) => boolean,
    { what }: { what: string },
  ): Promise<DeliveryBody> {
    let delivery = await this.delivery(id);
    await waitFor(
      async () => {
        delivery = await this.delivery(id);
        return isRight(delivery);
      },
      { what: `delivery ${id} to be ${what}` },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${JSON.stringify(delivery)}`, { cause: error });
    });
    return delivery;
  }

  waitForStatus(id: string, status: DeliveryBody['status']): Promise<DeliveryBody> {
    return this.waitForDelivery(id, (delivery) => delivery.status === status, { what: status });
  }

  /** Waits until none of an event's deliveries is pending. */
  async settled(eventId: string): Promise<DeliveryBody[]> {
    let deliveries: DeliveryBody[] = [];
    await waitFor(
      async () => {
        deliveries = await this.deliveriesOf(eventId);
        return deliveries.every(({ status }) => status !== 'pending');
      },
      { what: `the deliveries of ${eventId} to settle` },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; they are ${JSON.stringify(deliveries)}`, { cause: error });
    });
    return deliveries;
  }

  async deadLetterOf(delivery: DeliveryBody): Promise<DeadLetterBody> {
    const letters = await this.list<DeadLetterBody>(`/dead-letters?endpoint_id=${delivery.endpoint_id}`);
    const letter = letters.find(({ delivery_id }) => delivery_id === delivery.id);
    if (letter === undefined) throw new Error(`Delivery ${delivery.id} has no dead letter`);
    return this.get<DeadLetterBody>(`/dead-letters/${letter.id}`);
  }
}

/** The operator. */
export class OperatorClient extends ApiClient {
  async createTenant(settings: Record<string, unknown> = {}): Promise<TenantClient> {
    const tenant = await this.post<{ id: string; api_key: string; secret_key: string }>('/tenants', {
      name: 'Acme',
      ...settings,
    });
    return new TenantClient(this.url, tenant.api_key, tenant.id, tenant.secret_key);
  }
}

function bytesOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
