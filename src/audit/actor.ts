/** Who acts: the operator, a tenant's key, a person with a portal link, or Posthaste itself. */
export const ACTOR_KINDS = ['operator', 'api_key', 'portal', 'system'] as const;
export type ActorKind = (typeof ACTOR_KINDS)[number];

/** Who acts, and from where. Passed along with the request's own arguments, so that nobody forgets it unseen. */
export interface Actor {
  kind: ActorKind;
  /** Of the API key or portal link; null for the others, of which there is one. */
  id: string | null;
  requestId: string | null;
  ip: string | null;
  userAgent: string | null;
}

/** What Posthaste does of its own accord. */
export const SYSTEM: Actor = { kind: 'system', id: null, requestId: null, ip: null, userAgent: null };
