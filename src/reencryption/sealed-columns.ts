import { headersContext, secretContext, tlsKeyContext } from '../endpoints/endpoint-secret-contexts.js';
import { tenantSecretContext } from '../tenants/tenant-secret.js';

/** A column of sealed texts, in a table whose primary key is `id`. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** `text`: one sealed text; `secrets`: a JSON list of `{sealed, expires_at}`. */
  readonly kind: 'text' | 'secrets';
  readonly contextOf: (id: string) => string;
}

/** Every one there is: what is left out here can no longer be opened once the old key is taken away. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: 'tenants', column: 'secret_key_sealed', kind: 'text', contextOf: tenantSecretContext },
  { table: 'endpoints', column: 'secret_sealed', kind: 'text', contextOf: secretContext },
  { table: 'endpoints', column: 'retired_secrets', kind: 'secrets', contextOf: secretContext },
  { table: 'endpoints', column: 'headers_sealed', kind: 'text', contextOf: headersContext },
  { table: 'endpoints', column: 'tls_key_sealed', kind: 'text', contextOf: tlsKeyContext },
];
