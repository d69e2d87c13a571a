import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import { Tenant } from '../tenants/tenant.entity.js';

export const SCOPES = [
  'events:write',
  'events:read',
  'endpoints:write',
  'endpoints:read',
  'deliveries:write',
  'deliveries:read',
  'keys:write',
] as const;
export type Scope = (typeof SCOPES)[number];

@Entity('api_keys')
@Index('api_keys_tenant_id_idx', ['tenantId'])
@Index('api_keys_key_hash_key', ['keyHash'], { unique: true })
export class ApiKey {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_keys_pkey' }) id: string;
  @Column('uuid')
  @ForeignKey(() => Tenant, { name: 'api_keys_tenant_id_fkey', onDelete: 'CASCADE' })
  tenantId: string;
  @Column('text') name: string;
  /** The key's first characters, to recognise it by. */
  @Column('text') prefix: string;
  /** SHA-256 of the key. The key has 256 random bits, so a slow hash would add nothing. */
  @Column('bytea') keyHash: Buffer;
  @Column('text', { array: true }) scopes: Scope[];
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) expiresAt: Date | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) lastUsedAt: Date | null;
  @Column({ type: 'timestamptz', precision: 3, nullable: true }) revokedAt: Date | null;
  /** The key that a rotation gave in its place; it then ends with the overlap. */
  @Column('uuid', { nullable: true }) replacedBy: string | null;
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' }) createdAt: Date;
}
