import type { Schemas } from '@/api/client';

type Entry = Schemas['AuditEntryDto'];

export const ACTIONS: Record<Entry['action'], string> = {
  'tenant.created': 'Tenant created',
  'tenant.updated': 'Tenant changed',
  'tenant.suspended': 'Tenant suspended',
  'tenant.deleted': 'Tenant deleted',
  'api_key.created': 'API key created',
  'api_key.rotated': 'API key rotated',
  'api_key.revoked': 'API key revoked',
  'endpoint.created': 'Endpoint created',
  'endpoint.updated': 'Endpoint changed',
  'endpoint.deleted': 'Endpoint deleted',
  'endpoint.tested': 'Endpoint tested',
  'endpoint.secret_rotated': 'Secret rotated',
  'endpoint.secret_read': 'Secret read',
  'endpoint.replayed': 'Endpoint replayed',
  'endpoint.disabled': 'Endpoint disabled',
  'event.replayed': 'Event replayed',
  'delivery.retried': 'Delivery retried',
  'delivery.cancelled': 'Delivery cancelled',
  'dead_letter.retried': 'Dead letter retried',
  'dead_letter.resolved': 'Dead letter resolved',
  'dead_letter.bulk_retried': 'Dead letters retried',
  'portal_link.created': 'Portal link made',
  'session.created': 'Session begun',
};

export const ACTORS: Record<Entry['actor']['kind'], string> = {
  operator: 'Operator',
  api_key: 'API key',
  portal: 'Portal link',
  system: 'Posthaste itself',
};

/** As in the field names of the API: `dead_letter` is a dead letter. */
export function subjectText(kind: string): string {
  const text = kind.replaceAll('_', ' ').replace('api key', 'API key');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A value as it was written down; undefined where it wasn't. */
export function valueText(value: unknown): string {
  if (value === undefined) return 'not kept';
  if (value === null) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
