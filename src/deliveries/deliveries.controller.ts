import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { PageQueryDto, type Page } from '../common/pagination.js';
import { AttemptPageDto, type AttemptDto } from './attempt.dto.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryDto, DeliveryPageDto, ListDeliveriesQueryDto } from './delivery.dto.js';

@ApiTags('Deliveries')
@Controller('deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  @RequireScope('deliveries:read')
  @ApiOperation({ operationId: 'listDeliveries', summary: 'List deliveries, newest first' })
  @ApiOkResponse({ type: DeliveryPageDto })
  @ApiProblems('validation_failed')
  list(@TenantId() tenantId: string, @Query() query: ListDeliveriesQueryDto): Promise<Page<DeliveryDto>> {
    return this.deliveries.list(tenantId, query);
  }

  @Get(':id')
  @RequireScope('deliveries:read')
  @ApiOperation({ operationId: 'getDelivery', summary: 'Get a delivery' })
  @ApiOkResponse({ type: DeliveryDto })
  @ApiProblems('not_found')
  get(@TenantId() tenantId: string, @Param('id') id: string): Promise<DeliveryDto> {
    return this.deliveries.get(tenantId, id);
  }

  @Get(':id/attempts')
  @RequireScope('deliveries:read')
  @ApiOperation({
    operationId: 'listAttempts',
    summary: "List a delivery's attempts, in the order in which they were made",
  })
  @ApiOkResponse({ type: AttemptPageDto })
  @ApiProblems('not_found', 'validation_failed')
  attempts(
    @TenantId() tenantId: string,
    @Param('id') id: string,
    @Query() query: PageQueryDto,
  ): Promise<Page<AttemptDto>> {
    return this.deliveries.attempts(tenantId, id, query);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'retryDelivery', summary: 'Make one attempt now, whatever the schedule' })
  @ApiAcceptedResponse({ type: DeliveryDto })
  @ApiProblems('not_found', 'conflict')
  retry(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<DeliveryDto> {
    return this.deliveries.retry(tenantId, actor, id);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'cancelDelivery', summary: 'Cancel a pending delivery' })
  @ApiOkResponse({ type: DeliveryDto })
  @ApiProblems('not_found', 'conflict')
  cancel(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<DeliveryDto> {
    return this.deliveries.cancel(tenantId, actor, id);
  }
}
