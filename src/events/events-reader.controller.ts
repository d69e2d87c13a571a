import { Body, Controller, Get, Header, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentTenant, RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import type { CallerTenant } from '../api-keys/caller.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Page } from '../common/pagination.js';
import { JSON_CONTENT_TYPE } from '../common/raw-json.js';
import {
  EventDto,
  EventPageDto,
  ListEventsQueryDto,
  ReplayedEventDto,
  ReplayEventDto,
  type EventSummaryDto,
} from './event.dto.js';
import { EventsReader } from './events-reader.service.js';

@ApiTags('Events')
@Controller('events')
export class EventsReaderController {
  constructor(private readonly events: EventsReader) {}

  @Get()
  @RequireScope('events:read')
  @ApiOperation({ operationId: 'listEvents', summary: 'List events without their payloads, newest first' })
  @ApiOkResponse({ type: EventPageDto })
  @ApiProblems('validation_failed')
  list(@TenantId() tenantId: string, @Query() query: ListEventsQueryDto): Promise<Page<EventSummaryDto>> {
    return this.events.list(tenantId, query);
  }

  @Get(':id')
  @Header('content-type', JSON_CONTENT_TYPE)
  @RequireScope('events:read')
  @ApiOperation({ operationId: 'getEvent', summary: "Get an event by our id or the tenant's own, with its deliveries" })
  @ApiOkResponse({ type: EventDto })
  @ApiProblems('not_found')
  get(@TenantId() tenantId: string, @Param('id') id: string): Promise<string> {
    return this.events.get(tenantId, id);
  }

  @Post(':id/replay')
  @HttpCode(202)
  @RequireScope('deliveries:write')
  @ApiOperation({ operationId: 'replayEvent', summary: 'Deliver an event anew' })
  @ApiAcceptedResponse({ type: ReplayedEventDto })
  @ApiProblems('malformed_request', 'not_found', 'tenant_suspended', 'validation_failed')
  replay(
    @CurrentTenant() tenant: CallerTenant,
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Body() dto: ReplayEventDto,
  ): Promise<ReplayedEventDto> {
    return this.events.replay(tenant, actor, id, dto);
  }
}
