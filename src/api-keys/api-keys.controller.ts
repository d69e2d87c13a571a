import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { PageQueryDto, type Page } from '../common/pagination.js';
import { ApiKeyDto, ApiKeyPageDto, CreateApiKeyDto, CreatedApiKeyDto, RotateApiKeyDto } from './api-key.dto.js';
import { ApiKeysService } from './api-keys.service.js';
import { CurrentCaller, RequireScope, TenantId } from './auth.decorators.js';
import type { Caller } from './caller.js';

@ApiTags('API keys')
@RequireScope('keys:write')
@Controller('api-keys')
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Post()
  @ApiOperation({ operationId: 'createApiKey', summary: 'Create an API key' })
  @ApiCreatedResponse({ type: CreatedApiKeyDto })
  @ApiProblems('malformed_request', 'validation_failed')
  create(
    @TenantId() tenantId: string,
    @CurrentCaller() caller: Caller,
    @CurrentActor() actor: Actor,
    @Body() dto: CreateApiKeyDto,
  ): Promise<CreatedApiKeyDto> {
    return this.apiKeys.create(tenantId, caller, actor, dto);
  }

  @Get()
  @ApiOperation({ operationId: 'listApiKeys', summary: 'List API keys, newest first; revoked and expired ones too' })
  @ApiOkResponse({ type: ApiKeyPageDto })
  @ApiProblems('validation_failed')
  list(@TenantId() tenantId: string, @Query() query: PageQueryDto): Promise<Page<ApiKeyDto>> {
    return this.apiKeys.list(tenantId, query);
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ApiOperation({ operationId: 'rotateApiKey', summary: 'Replace an API key; the old one lives on for a while' })
  @ApiOkResponse({ type: CreatedApiKeyDto, description: 'The new key.' })
  @ApiProblems('malformed_request', 'not_found', 'conflict', 'validation_failed')
  rotate(
    @TenantId() tenantId: string,
    @CurrentCaller() caller: Caller,
    @CurrentActor() actor: Actor,
    @Param('id') id: string,
    @Body() dto: RotateApiKeyDto,
  ): Promise<CreatedApiKeyDto> {
    return this.apiKeys.rotate(tenantId, caller, actor, id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ operationId: 'revokeApiKey', summary: 'Revoke an API key, with effect at once' })
  @ApiNoContentResponse()
  @ApiProblems('not_found')
  revoke(@TenantId() tenantId: string, @CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    return this.apiKeys.revoke(tenantId, actor, id);
  }
}
