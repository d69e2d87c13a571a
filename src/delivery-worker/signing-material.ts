import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { EndpointSecrets } from '../endpoints/endpoint-secrets.service.js';
import type { ReceiverTls } from '../sending/receiver-tls.js';
import { prepareSigningKeys, type SigningKey } from '../signing/signature.js';
import type { LoadedDelivery } from './load.query.js';

/** What an endpoint's deliveries are signed with, carry along and connect with, decrypted and decoded. */
export interface SigningMaterial {
  keys: readonly SigningKey[];
  headers: Readonly<Record<string, string>>;
  tls: ReceiverTls | null;
}

/** Old secrets stop signing at a time of their own, so an entry must not live much beyond one. */
const CACHE_MS = 10_000;

/** Decrypts endpoints' secrets, and remembers them for a moment: a busy endpoint would cost as much to decrypt as to sign for. */
@Injectable()
export class SigningMaterials {
  // By what is stored, so that a changed secret or header never meets an old entry.
  private readonly cache = new LRUCache<string, SigningMaterial>({ max: 5_000, ttl: CACHE_MS });

  constructor(private readonly secrets: EndpointSecrets) {}

  /** @throws SecretBoxError when something was sealed with a key that this installation doesn't have */
  of(delivery: LoadedDelivery): SigningMaterial {
    const { endpoint_id, signature, secret_sealed, retired_secrets, headers_sealed, tenant_secret_key_sealed } =
      delivery;
    const retired = retired_secrets.map(({ sealed }) => sealed).join(' ');
    const tls = delivery.tls === null ? '' : `${delivery.tls_key_sealed} ${JSON.stringify(delivery.tls)}`;
    const secret = secret_sealed ?? tenant_secret_key_sealed;
    const cacheKey = [endpoint_id, signature, secret, headers_sealed, retired, tls].join(' ');
    const known = this.cache.get(cacheKey);
    if (known !== undefined) return known;

    const holder = {
      id: endpoint_id,
      tenantId: delivery.tenant_id,
      secretSealed: secret_sealed,
      retiredSecrets: retired_secrets,
    };
    const secrets = this.secrets.signingSecrets(holder, tenant_secret_key_sealed, new Date(delivery.now_ms));
    const material = {
      keys: prepareSigningKeys(signature, secrets),
      headers: this.secrets.openHeaders({ id: endpoint_id, headersSealed: headers_sealed }),
      tls: this.secrets.openTls({ id: endpoint_id, tls: delivery.tls, tlsKeySealed: delivery.tls_key_sealed }),
    };
    this.cache.set(cacheKey, material);
    return material;
  }
}
