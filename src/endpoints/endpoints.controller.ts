import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { PageQueryDto, type Page } from '../common/pagination.js';
import { AttemptDto } from '../deliveries/attempt.dto.js';
import { EndpointTester } from './endpoint-tester.service.js';
import {
  CreatedEndpointDto,
  CreateEndpointDto,
  EndpointDto,
  EndpointPageDto,
  EndpointSecretDto,
  RotateSecretDto,
  UpdatedEndpointDto,
  UpdateEndpointDto,
} from './endpoint.dto.js';
import { EndpointsService } from './endpoints.service.js';
import { SecretRotation } from './secret-rotation.service.js';

@ApiTags('Endpoints')
@Controller('endpoints')
export class EndpointsController {
  constructor(
    private readonly endpoints: EndpointsService,
    private readonly rotation: SecretRotation,
    private readonly tester: EndpointTester,
  ) {}

  @Post()
  @RequireScope('endpoints:write')
  @ApiOperation({ operationId: 'createEndpoint', summary: 'Create an endpoint' })
  @ApiCreatedResponse({ type: CreatedEndpointDto })
  @ApiProblems('malformed_request', 'validation_failed')
  create(
    @TenantId() tenantId: string,
    @CurrentActor() actor: Actor,
    @Body() dto: CreateEndpointDto,
  ): Promise<CreatedEndpointDto> {
    return this.endpoints.create(tenantId, actor, dto);
  }

  @Get()
  @RequireScope('endpoints:read')
  @ApiOperation({ operationId: 'listEndpoints', summary: 'List endpoints, newest first' })
  @ApiOkResponse({ type: EndpointPageDto })
  @ApiProblems('validation_failed')
  list(@TenantId() tenantId: string, @Query() query: PageQueryDto): Promise<Page<EndpointDto>> {
    return this.endpoints.list(tenantId, query);
  }

  @Get(':id')
  @RequireScope('endpoints:read')
  @ApiOperation({ operationId: 'getEndpoint', summary: 'Get an endpoint' })
  @ApiOkResponse({ type: EndpointDto })
  @ApiProblems('not_found')
  get(@TenantId() tenantId: string, @Param('id') id: string): Promise<EndpointDto> {
    return this.endpoints.get(tenantId, id);
  }

  @Patch(':id')
  @RequireScope('endpoints:write')
  @ApiOperation({ operationId: 'updateEndpoint', summary: 'Change, disable or enable an endpoint' })
  @ApiOkResponse({ type: UpdatedEndpointDto })
  @ApiProblems('malformed_request', 'not_found', 'validation_failed')
  update(
    @TenantId() tenantId: string,
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Body() dto: UpdateEndpointDto,
  ): Promise<UpdatedEndpointDto> {
    return this.endpoints.update(tenantId, actor, id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('endpoints:write')
  @ApiOperation({ operationId: 'deleteEndpoint', summary: 'Delete an endpoint; its pending deliveries are cancelled' })
  @ApiNoContentResponse()
  @ApiProblems('not_found')
  remove(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    return this.endpoints.remove(tenantId, actor, id);
  }

  @Get(':id/secret')
  // Who knows the secret can forge deliveries, so reading it is no mere read.
  @RequireScope('endpoints:write')
  @ApiOperation({ operationId: 'getEndpointSecret', summary: 'Show what deliveries to an endpoint are signed with' })
  @ApiOkResponse({ type: EndpointSecretDto })
  @ApiProblems('not_found')
  showSecret(
    @TenantId() tenantId: string,
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
  ): Promise<EndpointSecretDto> {
    return this.rotation.show(tenantId, actor, id);
  }

  @Post(':id/secret/rotate')
  @HttpCode(200)
  @RequireScope('endpoints:write')
  @ApiOperation({
    operationId: 'rotateEndpointSecret',
    summary: 'Replace the secret; deliveries are signed with both for a while',
  })
  @ApiOkResponse({ type: EndpointSecretDto, description: 'The new secret.' })
  @ApiProblems('malformed_request', 'not_found', 'conflict', 'validation_failed')
  rotateSecret(
    @TenantId() tenantId: string,
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Body() dto: RotateSecretDto,
  ): Promise<EndpointSecretDto> {
    return this.rotation.rotate(tenantId, actor, id, dto);
  }

  @Post(':id/test')
  @HttpCode(200)
  @RequireScope('endpoints:write')
  @ApiOperation({ operationId: 'testEndpoint', summary: 'Send a sample event now and tell what came back' })
  @ApiOkResponse({ type: AttemptDto, description: 'The attempt, whatever the endpoint answered. It is not stored.' })
  @ApiProblems('not_found')
  test(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<AttemptDto> {
    return this.tester.test(tenantId, actor, id);
  }
}
