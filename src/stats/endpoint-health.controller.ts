import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Page } from '../common/pagination.js';
import {
  EndpointHealthDetailDto,
  EndpointHealthPageDto,
  EndpointHealthQueryDto,
  type EndpointHealthDto,
} from './endpoint-health.dto.js';
import { EndpointHealthService } from './endpoint-health.service.js';

@ApiTags('Endpoints')
@Controller('endpoints')
export class EndpointHealthController {
  constructor(private readonly health: EndpointHealthService) {}

  @Get('health')
  @RequireScope('endpoints:read')
  @ApiOperation({ operationId: 'listEndpointHealth', summary: 'How all endpoints fare, newest endpoint first' })
  @ApiOkResponse({ type: EndpointHealthPageDto })
  @ApiProblems('validation_failed')
  list(@TenantId() tenantId: string, @Query() query: EndpointHealthQueryDto): Promise<Page<EndpointHealthDto>> {
    return this.health.list(tenantId, query);
  }

  @Get(':id/health')
  @RequireScope('endpoints:read')
  @ApiOperation({ operationId: 'getEndpointHealth', summary: 'How an endpoint fares, over the last hour' })
  @ApiOkResponse({ type: EndpointHealthDetailDto })
  @ApiProblems('not_found')
  get(@TenantId() tenantId: string, @Param('id') id: string): Promise<EndpointHealthDetailDto> {
    return this.health.get(tenantId, id);
  }
}
