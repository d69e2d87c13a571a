import { MASK } from '../sending/delivery-request.js';
import type { EndpointDto } from './endpoint.dto.js';
import { presentTls } from './endpoint-tls.js';
import type { Endpoint } from './endpoint.entity.js';

export const presentEndpoint = (endpoint: Endpoint): EndpointDto => ({
  id: endpoint.id,
  url: endpoint.url,
  description: endpoint.description,
  event_types: endpoint.eventTypes,
  is_active: endpoint.isActive,
  headers: Object.fromEntries(endpoint.headerNames.map((name) => [name, MASK])),
  rate_limit: endpoint.rateLimit,
  timeout_ms: endpoint.timeoutMs,
  retry_policy: endpoint.retryPolicy,
  signature: endpoint.signature,
  format: endpoint.format,
  tls: presentTls(endpoint.tls),
  disabled_reason: endpoint.disabledReason,
  created_at: endpoint.createdAt,
  updated_at: endpoint.updatedAt,
});
