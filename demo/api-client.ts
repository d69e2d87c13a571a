/** The API as the demo needs it: JSON there and back, and a failure where the API refuses. */
export interface ApiClient {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
}

/** @throws Error from each call with the `detail` of the problem (RFC 9457) that the API answered */
export function createApiClient(baseUrl: string, apiKey: string, signal: AbortSignal): ApiClient {
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: { 'x-api-key': apiKey, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer as T;
    const { detail } = answer as { detail?: string };
    throw new Error(`${method} ${path} answered ${response.status}: ${detail ?? 'no detail'}`);
  };
  return { get: (path) => call('GET', path), post: (path, body) => call('POST', path, body) };
}

/** Lists are `{data, next_cursor}`. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export interface Delivery {
  id: string;
  event_id: string;
  event_type: string;
  endpoint_id: string;
  status: 'pending' | 'succeeded' | 'dead_letter' | 'cancelled';
  attempts: number;
  max_attempts: number;
  next_attempt_at: string | null;
  last_status_code: number | null;
}

export interface Attempt {
  id: string;
  attempt: number;
  status_code: number | null;
  error: string | null;
  duration_ms: number;
  created_at: string;
}

export interface DeadLetter {
  id: string;
  delivery_id: string;
  event_type: string;
  endpoint_id: string;
  reason: string;
  attempts: number;
  last_status_code: number | null;
}
