import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentCaller, RequireScopeOrOperator } from '../api-keys/auth.decorators.js';
import type { Caller } from '../api-keys/caller.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Page } from '../common/pagination.js';
import { AuditPageDto, ListAuditLogQueryDto, type AuditEntryDto } from './audit-log.dto.js';
import { AuditLogService } from './audit-log.service.js';

@ApiTags('Audit log')
@Controller('audit-log')
export class AuditLogController {
  constructor(private readonly auditLog: AuditLogService) {}

  @Get()
  // Who gives out the keys may see what is done with them.
  @RequireScopeOrOperator('keys:write')
  @ApiOperation({
    operationId: 'listAuditLog',
    summary: 'List who did what, newest first',
    description: "A tenant's own; for the operator everybody's, or with `X-Tenant-Id` those of one tenant.",
  })
  @ApiOkResponse({ type: AuditPageDto })
  @ApiProblems('validation_failed')
  list(@CurrentCaller() caller: Caller, @Query() query: ListAuditLogQueryDto): Promise<Page<AuditEntryDto>> {
    return this.auditLog.list(caller, query);
  }
}
