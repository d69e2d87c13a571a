import { Module } from '@nestjs/common';
import { AuditLogService } from './audit-log.service.js';

/** Reading the log; writing it is `recordAction`, in the transaction of what is done. */
@Module({ providers: [AuditLogService], exports: [AuditLogService] })
export class AuditModule {}
