import type { ApiKeyDto } from './api-key.dto.js';
import type { ApiKey } from './api-key.entity.js';

export const presentApiKey = (key: ApiKey): ApiKeyDto => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  scopes: key.scopes,
  expires_at: key.expiresAt,
  last_used_at: key.lastUsedAt,
  revoked_at: key.revokedAt,
  replaced_by: key.replacedBy,
  created_at: key.createdAt,
});
