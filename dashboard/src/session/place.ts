const OPERATORS_TENANT = /^\/t\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/i;

/** The operator's pages of a tenant are below `/t/<tenant id>`, so that a link to one says whose it is. */
export function tenantOfPath(path: string): string | null {
  return OPERATORS_TENANT.exec(path)?.[1] ?? null;
}

export function basenameOf(tenantId: string | null): string {
  return tenantId === null ? '/' : `/t/${tenantId}`;
}

/** The token of a portal link. It is taken out of the address bar at once, and so out of the browser's history. */
export function takePortalToken(): string | null {
  const match = /^#portal=(.+)$/.exec(window.location.hash);
  if (match === null) return null;
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return match[1] ?? null;
}
