import { Body, Controller, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Page } from '../common/pagination.js';
import { JSON_CONTENT_TYPE } from '../common/raw-json.js';
import { DeliveryDto } from '../deliveries/delivery.dto.js';
import { DeadLetterFilterDto } from './dead-letter-filter.dto.js';
import {
  DeadLetterDto,
  DeadLetterPageDto,
  ListDeadLettersQueryDto,
  ResolvedDeadLettersDto,
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

  @Post('resolve')
  @HttpCode(200)
  @RequireScope('deliveries:write')
  @ApiOperation({
    operationId: 'resolveDeadLetters',
    summary: 'Say of all unresolved dead letters of a filter that they are dealt with',
    description: 'Up to 1,000 a request, oldest first: ask again while `has_more`.',
  })
  @ApiOkResponse({ type: ResolvedDeadLettersDto })
  @ApiProblems('validation_failed')
  resolveMatching(
    @TenantId() tenantId: string,
    @CurrentActor() actor: Actor,
    @Body() dto: DeadLetterFilterDto,
  ): Promise<ResolvedDeadLettersDto> {
    return this.deadLetters.resolveMatching(tenantId, actor, dto);
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
    summary: 'Deliver it afresh, with all attempts',
    description: 'It is resolved as soon as any delivery of its event to its endpoint succeeds.',
  })
  @ApiAcceptedResponse({ type: DeliveryDto, description: 'The fresh delivery.' })
  @ApiProblems('not_found', 'conflict')
  retry(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<DeliveryDto> {
    return this.deadLetters.retry(tenantId, actor, id);
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Header('content-type', JSON_CONTENT_TYPE)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'resolveDeadLetter', summary: 'Say that it is dealt with' })
  @ApiOkResponse({ type: DeadLetterDto })
  @ApiProblems('not_found', 'conflict')
  resolve(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<string> {
    return this.deadLetters.resolve(tenantId, actor, id);
  }
}
