import type { EntityManager } from 'typeorm';
import { newId } from '../common/ids.js';
import type { Actor } from './actor.js';
import type { AuditAction, AuditedChange } from './audit-entry.entity.js';

export interface AuditedAction {
  tenantId: string | null;
  action: AuditAction;
  subjectId: string;
  /** What kind of thing that is, where it isn't what the action's name begins with. */
  subjectKind?: string;
  changes?: AuditedChange[];
}

/**
 * Writes down who did what.
 * @param manager of the transaction that does it: neither is ever there without the other
 */
export async function recordAction(manager: EntityManager, actor: Actor, ...actions: AuditedAction[]): Promise<void> {
  if (actions.length === 0) return;
  await manager.query(
    `INSERT INTO audit_log
       (id, tenant_id, action, subject_kind, subject_id, changes, actor_kind, actor_id, request_id, ip, user_agent)
     SELECT done.*, $7, $8, $9, $10, $11
     FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::jsonb[])
       AS done (id, tenant_id, action, subject_kind, subject_id, changes)`,
    [
      actions.map(() => newId()),
      actions.map(({ tenantId }) => tenantId),
      actions.map(({ action }) => action),
      actions.map(({ action, subjectKind }) => subjectKind ?? action.slice(0, action.indexOf('.'))),
      actions.map(({ subjectId }) => subjectId),
      actions.map(({ changes }) => JSON.stringify(changes ?? [])),
      actor.kind,
      actor.id,
      actor.requestId,
      actor.ip,
      actor.userAgent,
    ],
  );
}
