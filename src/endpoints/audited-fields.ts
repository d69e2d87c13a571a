import type { AuditedFields } from '../audit/changes.js';
import type { Endpoint } from './endpoint.entity.js';

/** What the audit log tells of an endpoint. */
export const AUDITED_FIELDS: AuditedFields<Endpoint> = {
  // To whom it goes; paths and queries often hold a token.
  url: { value: ({ url }) => url, shown: ({ url }) => new URL(url).origin },
  description: { value: ({ description }) => description },
  event_types: { value: ({ eventTypes }) => eventTypes },
  is_active: { value: ({ isActive }) => isActive },
  // Sealed anew each time they are set, so they count as changed although they may be the same.
  headers: { value: ({ headersSealed }) => headersSealed, shown: ({ headerNames }) => headerNames },
  rate_limit: { value: ({ rateLimit }) => rateLimit },
  timeout_ms: { value: ({ timeoutMs }) => timeoutMs },
  retry_policy: { value: ({ retryPolicy }) => retryPolicy },
  signature: { value: ({ signature }) => signature },
  format: { value: ({ format }) => format },
  secret: { value: ({ secretSealed }) => secretSealed, shown: null },
};
