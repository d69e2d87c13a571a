import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { DomainError, validationFailed } from '../common/domain-error.js';
import { SecretBox } from '../common/secret-box.js';
import type { ReceiverTls } from '../sending/receiver-tls.js';
import { MAX_OLD_SECRETS } from '../signing/signature.js';
import { assertValidSecret, InvalidSecretError, type SignatureScheme } from '../signing/webhook-secret.js';
import { openTenantSecret } from '../tenants/tenant-secret.js';
import { headersContext, secretContext, tlsKeyContext } from './endpoint-secret-contexts.js';
import type { Endpoint, RetiredSecret } from './endpoint.entity.js';

/** What is needed of an endpoint to sign for it. */
export type SecretHolder = Pick<Endpoint, 'id' | 'tenantId' | 'secretSealed' | 'retiredSecrets'>;

/** Seals and opens what an endpoint keeps secret. Opened values belong in memory only. */
@Injectable()
export class EndpointSecrets {
  constructor(private readonly secretBox: SecretBox) {}

  sealSecret(endpointId: string, secret: string): string {
    return this.secretBox.seal(secret, secretContext(endpointId));
  }

  /** @throws SecretBoxError when it was sealed with a key that this installation doesn't have */
  openSecret(endpointId: string, sealed: string): string {
    return this.secretBox.open(sealed, secretContext(endpointId));
  }

  /** @returns null when there are none */
  sealHeaders(endpointId: string, headers: Readonly<Record<string, string>> | null): string | null {
    return headers && this.secretBox.seal(JSON.stringify(headers), headersContext(endpointId));
  }

  /** @throws SecretBoxError when they were sealed with a key that this installation doesn't have */
  openHeaders({ id, headersSealed }: Pick<Endpoint, 'id' | 'headersSealed'>): Record<string, string> {
    if (headersSealed === null) return {};
    return JSON.parse(this.secretBox.open(headersSealed, headersContext(id))) as Record<string, string>;
  }

  /** @returns null when there is none */
  sealTlsKey(endpointId: string, clientKey: string | null): string | null {
    return clientKey && this.secretBox.seal(clientKey, tlsKeyContext(endpointId));
  }

  /**
   * What sending needs of the endpoint's certificates; null when it has none.
   * @throws SecretBoxError when the key was sealed with a key that this installation doesn't have
   */
  openTls({ id, tls, tlsKeySealed }: Pick<Endpoint, 'id' | 'tls' | 'tlsKeySealed'>): ReceiverTls | null {
    if (tls === null) return null;
    const key = tlsKeySealed === null ? null : this.secretBox.open(tlsKeySealed, tlsKeyContext(id));
    const digest = createHash('sha256')
      .update(JSON.stringify([tls.ca, tls.client_cert, key]))
      .digest('base64url');
    return { id: `${id} ${digest}`, ca: tls.ca, cert: tls.client_cert, key };
  }

  /**
   * What deliveries are signed with now: the endpoint's own secret, else its tenant's `secret_key`.
   * @throws SecretBoxError when it was sealed with a key that this installation doesn't have
   */
  currentSecret({ id, tenantId, secretSealed }: SecretHolder, tenantSecretKeySealed: string): string {
    if (secretSealed !== null) return this.openSecret(id, secretSealed);
    return openTenantSecret(this.secretBox, tenantId, tenantSecretKeySealed);
  }

  /** The current secret, then the unexpired old ones, newest first: the order in which `prepareSigningKeys` takes them. */
  signingSecrets(endpoint: SecretHolder, tenantSecretKeySealed: string, now: Date): string[] {
    const old = unexpired(endpoint.retiredSecrets, now).map(({ sealed }) => this.openSecret(endpoint.id, sealed));
    return [this.currentSecret(endpoint, tenantSecretKeySealed), ...old];
  }

  /**
   * The old secrets after a rotation, newest first, without those that have expired.
   * @param overlapSeconds how long the current one still signs; 0: no longer
   * @throws DomainError `conflict` when there are as many unexpired old ones as a delivery can be signed with
   */
  retire(endpoint: SecretHolder, tenantSecretKeySealed: string, overlapSeconds: number, now: Date): RetiredSecret[] {
    const old = unexpired(endpoint.retiredSecrets, now);
    if (overlapSeconds === 0) return old;
    if (old.length >= MAX_OLD_SECRETS) {
      throw new DomainError(
        'conflict',
        `There are ${MAX_OLD_SECRETS} old secrets still in use; wait until one expires.`,
      );
    }
    const current = this.currentSecret(endpoint, tenantSecretKeySealed);
    const expiresAt = new Date(now.getTime() + overlapSeconds * 1_000);
    return [{ sealed: this.sealSecret(endpoint.id, current), expires_at: expiresAt.toISOString() }, ...old];
  }
}

/** @throws DomainError `validation_failed` when the secret can't be used with the scheme; never repeats it */
export function refuseInvalidSecret(scheme: SignatureScheme, secret: string): void {
  try {
    assertValidSecret(scheme, secret);
  } catch (error) {
    if (!(error instanceof InvalidSecretError)) throw error;
    throw validationFailed([{ field: 'secret', message: error.message }]);
  }
}

export function fitsScheme(scheme: SignatureScheme, secret: string): boolean {
  try {
    assertValidSecret(scheme, secret);
    return true;
  } catch (error) {
    if (error instanceof InvalidSecretError) return false;
    throw error;
  }
}

function unexpired(secrets: readonly RetiredSecret[], now: Date): RetiredSecret[] {
  return secrets.filter(({ expires_at }) => Date.parse(expires_at) > now.getTime());
}
