import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { StatsDto, StatsQueryDto } from './stats.dto.js';
import { StatsService } from './stats.service.js';

@ApiTags('Stats')
@Controller('stats')
export class StatsController {
  constructor(private readonly stats: StatsService) {}

  @Get()
  @RequireScope('deliveries:read')
  @ApiOperation({ operationId: 'getStats', summary: 'Events, deliveries and attempts of a window of time' })
  @ApiOkResponse({ type: StatsDto })
  @ApiProblems('validation_failed')
  read(@TenantId() tenantId: string, @Query() query: StatsQueryDto): Promise<StatsDto> {
    return this.stats.read(tenantId, query.window);
  }
}
