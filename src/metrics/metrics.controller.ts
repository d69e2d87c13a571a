import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../api-keys/auth.decorators.js';
import { OperatorAccess } from '../api-keys/operator-access.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { Config } from '../config/config.js';
import { InstallationMetrics } from './installation-metrics.js';
import { Metrics } from './metrics.js';

@ApiTags('Operations')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    private readonly installation: InstallationMetrics,
    private readonly operator: OperatorAccess,
    private readonly config: Config,
  ) {}

  /** Public to the guard, because a scraper brings its key as a basic password. */
  @Get()
  @Public()
  @ApiSecurity('operator')
  @ApiOperation({ operationId: 'metrics', summary: 'Metrics in the Prometheus text format' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  @ApiProblems('unauthorized')
  async read(
    @Headers('x-api-key') apiKey: string | undefined,
    @Headers('authorization') authorization: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    if (!this.config.metricsPublic) await this.operator.assert({ apiKey, authorization });
    await this.installation.refresh();
    void reply.header('content-type', this.metrics.registry.contentType);
    return this.metrics.registry.metrics();
  }
}
