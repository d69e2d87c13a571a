import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { OperatorOnly } from '../api-keys/auth.decorators.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { PageQueryDto, type Page } from '../common/pagination.js';
import { CreatedTenantDto, CreateTenantDto, TenantDto, TenantPageDto, UpdateTenantDto } from './tenant.dto.js';
import { TenantsService } from './tenants.service.js';

@ApiTags('Tenants')
@OperatorOnly()
@Controller('tenants')
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  @Post()
  @ApiOperation({ operationId: 'createTenant', summary: 'Create a tenant with its first API key' })
  @ApiCreatedResponse({ type: CreatedTenantDto })
  @ApiProblems('malformed_request', 'validation_failed')
  create(@CurrentActor() actor: Actor, @Body() dto: CreateTenantDto): Promise<CreatedTenantDto> {
    return this.tenants.create(actor, dto);
  }

  @Get()
  @ApiOperation({ operationId: 'listTenants', summary: 'List tenants, newest first' })
  @ApiOkResponse({ type: TenantPageDto })
  @ApiProblems('validation_failed')
  list(@Query() query: PageQueryDto): Promise<Page<TenantDto>> {
    return this.tenants.list(query);
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getTenant', summary: 'Get a tenant' })
  @ApiOkResponse({ type: TenantDto })
  @ApiProblems('not_found')
  get(@Param('id') id: string): Promise<TenantDto> {
    return this.tenants.get(id);
  }

  @Patch(':id')
  @ApiOperation({ operationId: 'updateTenant', summary: 'Change, suspend or resume a tenant' })
  @ApiOkResponse({ type: TenantDto })
  @ApiProblems('malformed_request', 'not_found', 'validation_failed')
  update(@CurrentActor() actor: Actor, @Param('id') id: string, @Body() dto: UpdateTenantDto): Promise<TenantDto> {
    return this.tenants.update(actor, id, dto);
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ operationId: 'deleteTenant', summary: 'Delete a tenant and everything of it' })
  @ApiNoContentResponse()
  @ApiProblems('not_found')
  remove(@CurrentActor() actor: Actor, @Param('id') id: string): Promise<void> {
    return this.tenants.remove(actor, id);
  }
}
