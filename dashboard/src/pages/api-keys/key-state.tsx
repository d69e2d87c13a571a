import type { Schemas } from '@/api/client';
import { Badge } from '@/components/ui/badge';

type ApiKey = Schemas['ApiKeyDto'];

const SOON_MS = 7 * 86_400_000;

/** Whether it still opens anything. */
export function isUsable({ revoked_at: revokedAt, expires_at: expiresAt }: ApiKey): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}

export function KeyState({ apiKey }: { apiKey: ApiKey }) {
  if (apiKey.revoked_at !== null) return <Badge>Revoked</Badge>;
  if (!isUsable(apiKey)) return <Badge>Expired</Badge>;
  // Its end is that of the overlap.
  if (apiKey.replaced_by !== null) return <Badge tone="warn">Replaced</Badge>;
  const endsSoon = apiKey.expires_at !== null && Date.parse(apiKey.expires_at) - Date.now() < SOON_MS;
  return endsSoon ? <Badge tone="warn">Expires soon</Badge> : <Badge tone="good">Active</Badge>;
}
