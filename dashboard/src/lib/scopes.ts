import type { Scope } from '@/session/session';

/** What each scope allows, in the order in which they are offered. */
export const SCOPES: Record<Scope, string> = {
  'events:write': 'Publish events',
  'events:read': 'Read events and their payloads',
  'endpoints:write': 'Change endpoints, read and rotate their secrets',
  'endpoints:read': 'Read endpoints and how they fare',
  'deliveries:write': 'Retry, replay, cancel and resolve',
  'deliveries:read': 'Read deliveries, attempts and dead letters',
  'keys:write': 'Make and revoke API keys, make portal links, read the audit log',
};

export const ALL_SCOPES = Object.keys(SCOPES) as Scope[];
