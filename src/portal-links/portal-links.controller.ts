import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentCaller, CurrentCredential, OperatorOrTenant } from '../api-keys/auth.decorators.js';
import type { Caller, Credential } from '../api-keys/caller.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { CreatePortalLinkDto, PortalLinkDto } from './portal-link.dto.js';
import { PortalLinksService } from './portal-links.service.js';

@ApiTags('Portal links')
@Controller('tenants/:id/portal-links')
export class PortalLinksController {
  constructor(private readonly portalLinks: PortalLinksService) {}

  @Post()
  @OperatorOrTenant('keys:write')
  @ApiOperation({
    operationId: 'createPortalLink',
    summary: 'Make a link that lets a person look after the tenant in a browser',
  })
  @ApiCreatedResponse({ type: PortalLinkDto })
  @ApiProblems('malformed_request', 'not_found', 'validation_failed')
  create(
    @Param('id') tenantId: string,
    @CurrentCaller() caller: Caller,
    @CurrentCredential() credential: Credential,
    @CurrentActor() actor: Actor,
    @Body() dto: CreatePortalLinkDto,
  ): Promise<PortalLinkDto> {
    return this.portalLinks.create(tenantId, caller, credential, actor, dto);
  }
}
