import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentTenant, RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import type { CallerTenant } from '../api-keys/caller.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { DeadLetterFilterDto } from '../dead-letters/dead-letter-filter.dto.js';
import { ReplayDto, ReplayEndpointDto } from './replay.dto.js';
import { ReplaysService } from './replays.service.js';

@ApiTags('Replays')
@Controller()
export class ReplaysController {
  constructor(private readonly replays: ReplaysService) {}

  @Post('endpoints/:id/replay')
  @HttpCode(202)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'replayEndpoint', summary: 'Deliver the events of a span of time to an endpoint anew' })
  @ApiAcceptedResponse({ type: ReplayDto })
  @ApiProblems('malformed_request', 'not_found', 'conflict', 'tenant_suspended', 'validation_failed')
  replayEndpoint(
    @CurrentTenant() tenant: CallerTenant,
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Body() dto: ReplayEndpointDto,
  ): Promise<ReplayDto> {
    return this.replays.replayEndpoint(tenant, actor, id, dto);
  }

  @Post('dead-letters/retry')
  @HttpCode(202)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'retryDeadLetters', summary: 'Deliver all unresolved dead letters of a filter afresh' })
  @ApiAcceptedResponse({ type: ReplayDto })
  @ApiProblems('malformed_request', 'conflict', 'tenant_suspended', 'validation_failed')
  retryDeadLetters(
    @CurrentTenant() tenant: CallerTenant,
    @CurrentActor() actor: Actor,
    @Body() dto: DeadLetterFilterDto,
  ): Promise<ReplayDto> {
    return this.replays.retryDeadLetters(tenant, actor, dto);
  }

  @Get('replays/:id')
  @RequireScope('deliveries:read')
  @ApiOperation({ operationId: 'getReplay', summary: 'See how far a replay is' })
  @ApiOkResponse({ type: ReplayDto })
  @ApiProblems('not_found')
  get(@TenantId() tenantId: string, @Param('id') id: string): Promise<ReplayDto> {
    return this.replays.get(tenantId, id);
  }
}
