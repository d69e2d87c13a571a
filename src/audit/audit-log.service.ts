import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import type { Caller } from '../api-keys/caller.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page } from '../common/pagination.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { AuditEntry } from './audit-entry.entity.js';
import type { AuditEntryDto, ListAuditLogQueryDto } from './audit-log.dto.js';

/** Reads what `recordAction` wrote. */
@Injectable()
export class AuditLogService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly tenantDatabase: TenantDatabase,
  ) {}

  /** The tenant's that the caller acts for; everybody's for an operator who names none. */
  async list(caller: Caller, query: ListAuditLogQueryDto): Promise<Page<AuditEntryDto>> {
    const { kind, tenant } = caller;
    if (tenant === null) return toPage(await find(this.db.manager, null, query), query.limit, presentEntry);
    const rows = await this.tenantDatabase.inTenant(tenant.id, (manager) => find(manager, tenant.id, query));
    return toPage(rows, query.limit, kind === 'operator' ? presentEntry : presentToTenant);
  }
}

function find(manager: EntityManager, tenantId: string | null, query: ListAuditLogQueryDto): Promise<AuditEntry[]> {
  const rows = newestFirst(
    manager.createQueryBuilder(AuditEntry, 'entry').where(tenantId === null ? {} : { tenantId }),
    query,
  );
  if (query.action !== undefined) rows.andWhere('entry.action = :action', { action: query.action });
  if (query.actor_id !== undefined) rows.andWhere('entry.actorId = :actorId', { actorId: query.actor_id });
  if (query.subject_id !== undefined) rows.andWhere('entry.subjectId = :subjectId', { subjectId: query.subject_id });
  return rows.getMany();
}

const presentEntry = (entry: AuditEntry): AuditEntryDto => ({
  id: entry.id,
  at: entry.at,
  actor: { kind: entry.actorKind, id: entry.actorId },
  tenant_id: entry.tenantId,
  action: entry.action,
  subject: { kind: entry.subjectKind, id: entry.subjectId },
  request_id: entry.requestId,
  ip: entry.ip,
  user_agent: entry.userAgent,
  changes: entry.changes,
});

/** Tenants may know what the operator did to them, but not where the operator sits. */
const presentToTenant = (entry: AuditEntry): AuditEntryDto => ({
  ...presentEntry(entry),
  ...(entry.actorKind === 'operator' ? { request_id: null, ip: null, user_agent: null } : {}),
});
