import { Controller, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Page } from '../common/pagination.js';
import { JSON_CONTENT_TYPE } from '../common/raw-json.js';
import { DeliveryDto } from '../deliveries/delivery.dto.js';
import {
  DeadLetterDto,
  DeadLetterPageDto,
  ListDeadLettersQueryDto,
  type DeadLetterSummaryDto,
} from './dead-letter.dto.js';
import { DeadLettersService } from './dead-letters.service.js';

@ApiTags('Dead letters')
@Controller('dead-letters')
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLettersService) {}

  @Get()
  @RequireScope('deliveries:read')
  @ApiOperation({ operationId: 'listDeadLetters', summary: 'List dead letters without their payloads, newest first' })
  @ApiOkResponse({ type: DeadLetterPageDto })
  @ApiProblems('validation_failed')
  list(@TenantId() tenantId: string, @Query() query: ListDeadLettersQueryDto): Promise<Page<DeadLetterSummaryDto>> {
    return this.deadLetters.list(tenantId, query);
  }

  @Get(':id')
  @Header('content-type', JSON_CONTENT_TYPE)
  @RequireScope('deliveries:read')
  @ApiOperation({ operationId: 'getDeadLetter', summary: 'Get a dead letter with its payload' })
  @ApiOkResponse({ type: DeadLetterDto })
  @ApiProblems('not_found')
  get(@TenantId() tenantId: string, @Param('id') id: string): Promise<string> {
    return this.deadLetters.get(tenantId, id);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @RequireScope('deliveries:write')
  @ApiOperation({
    operationId: 'retryDeadLetter',
    summary: 'Deliver it afresh, with all attempts; resolves when that succeeds',
  })
  @ApiAcceptedResponse({ type: DeliveryDto, description: 'The fresh delivery.' })
  @ApiProblems('not_found', 'conflict')
  retry(@TenantId() tenantId: string, @Param('id') id: string): Promise<DeliveryDto> {
    return this.deadLetters.retry(tenantId, id);
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Header('content-type', JSON_CONTENT_TYPE)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'resolveDeadLetter', summary: 'Say that it is dealt with' })
  @ApiOkResponse({ type: DeadLetterDto })
  @ApiProblems('not_found', 'conflict')
  resolve(@TenantId() tenantId: string, @Param('id') id: string): Promise<string> {
    return this.deadLetters.resolve(tenantId, id);
  }
}
