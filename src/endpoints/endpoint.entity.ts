import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { RetryPolicy } from '../deliveries/retry-policy.js';
import type { SignatureScheme } from '../signing/signature.js';
import { Tenant } from '../tenants/tenant.entity.js';

export const SIGNATURE_SCHEMES = [
  'standard',
  'standard-ed25519',
  'sha256',
] as const satisfies readonly SignatureScheme[];
export const BODY_FORMATS = ['envelope', 'payload'] as const;
export type BodyFormat = (typeof BODY_FORMATS)[number];

/** A secret that was rotated out and still signs beside the new one until it expires. */
export interface RetiredSecret {
  sealed: string;
  /** ISO 8601, UTC. */
  expires_at: string;
}

/** An endpoint's own certificates, in PEM. */
export interface EndpointCertificates {
  /** Trusted instead of the usual authorities; null: the usual ones. */
  ca: string | null;
  /** Shown to the receiver; its key is in `tlsKeySealed`. */
  client_cert: string | null;
}

@Entity('endpoints')
@Index('endpoints_tenant_id_id_idx', ['tenantId', 'id'])
@Check('endpoints_signature_check', `signature IN ('standard', 'standard-ed25519', 'sha256')`)
@Check('endpoints_format_check', `format IN ('envelope', 'payload')`)
@Check('endpoints_tls_check', `(tls_key_sealed IS NOT NULL) = ((tls ->> 'client_cert') IS NOT NULL)`)
export class Endpoint {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'endpoints_pkey' }) id: string;
  @Column('uuid')
  @ForeignKey(() => Tenant, { name: 'endpoints_tenant_id_fkey', onDelete: 'CASCADE' })
  tenantId: string;
  @Column('text') url: string;
  @Column('text', { nullable: true }) description: string | null;
  /** Exact types and `prefix.*` patterns; empty: all. */
  @Column('text', { array: true, default: () => `'{}'` }) eventTypes: string[];
  @Column('boolean', { default: true }) isActive: boolean;
  /** The endpoint's own headers with their values, sealed as one JSON object; null: none. */
  @Column('text', { nullable: true }) headersSealed: string | null;
  /** Their names in clear, which is all that is ever shown. */
  @Column('text', { array: true, default: () => `'{}'` }) headerNames: string[];
  /** Attempts a second; null: no limit. */
  @Column('integer', { nullable: true }) rateLimit: number | null;
  @Column('integer', { default: 15_000 }) timeoutMs: number;
  @Column('jsonb', { nullable: true }) retryPolicy: RetryPolicy | null;
  @Column('text', { default: 'standard' }) signature: SignatureScheme;
  @Column('text', { default: 'envelope' }) format: BodyFormat;
  /** Sealed; null: signs with the tenant's `secret_key` (only `sha256`). */
  @Column('text', { nullable: true }) secretSealed: string | null;
  @Column('jsonb', { default: () => `'[]'` }) retiredSecrets: RetiredSecret[];
  /** Null: TLS as usual. */
  @Column('jsonb', { nullable: true }) tls: EndpointCertificates | null;
  /** The private key of `tls.client_cert`. */
  @Column('text', { nullable: true }) tlsKeySealed: string | null;
  /** Why Posthaste disabled it; null while active or when a person did. */
  @Column('text', { nullable: true }) disabledReason: string | null;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) updatedAt: Date;
}
