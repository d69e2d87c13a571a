import { newId } from '../common/ids.js';
import { generateApiKey } from './api-key-format.js';
import { ApiKey, type Scope } from './api-key.entity.js';

export interface ApiKeySettings {
  tenantId: string;
  name: string;
  scopes: Scope[];
  expiresAt: Date | null;
}

/** A fresh API key and its row, to be inserted. The key itself is shown once and stored nowhere. */
export function newApiKey(settings: ApiKeySettings): { key: string; row: ApiKey } {
  const { key, prefix, hash } = generateApiKey();
  const row = Object.assign(new ApiKey(), {
    id: newId(),
    prefix,
    keyHash: hash,
    lastUsedAt: null,
    revokedAt: null,
    replacedBy: null,
    ...settings,
  });
  return { key, row };
}
