import createClient from 'openapi-fetch';
import { Problem } from './problem';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

/** What every request of this page bears. The CSRF token lives here and nowhere else. */
const credentials: { csrfToken: string | null; tenantId: string | null } = { csrfToken: null, tenantId: null };

export function setCredentials(given: Partial<typeof credentials>): void {
  Object.assign(credentials, given);
}

/** For what openapi-fetch can't do, such as streams. */
export function requestHeaders(): Record<string, string> {
  return credentials.tenantId === null ? {} : { 'X-Tenant-Id': credentials.tenantId };
}

export const api = createClient<paths>({ baseUrl: window.location.origin, credentials: 'same-origin' });

let onSessionEnd = (): void => undefined;
/** Called when the API no longer knows the session. */
export function whenSessionEnds(listener: () => void): void {
  onSessionEnd = listener;
}

/** For what finds out by other ways than this client. */
export function endSession(): void {
  onSessionEnd();
}

api.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(requestHeaders())) request.headers.set(name, value);
    if (request.method !== 'GET' && credentials.csrfToken !== null) {
      request.headers.set('X-CSRF-Token', credentials.csrfToken);
    }
    return request;
  },
  async onResponse({ response, request }) {
    if (response.ok) return;
    const problem = await Problem.of(response);
    if (response.status === 401 && !new URL(request.url).pathname.endsWith('/session')) endSession();
    throw problem;
  },
});

/**
 * The data of an answer.
 * @throws Problem
 */
export async function dataOf<T>(answer: Promise<{ data?: T }>): Promise<T> {
  try {
    return (await answer).data as T;
  } catch (error) {
    throw Problem.from(error);
  }
}
