import { Controller, Header, HttpCode, Post, Req, UseFilters } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Public } from '../api-keys/auth.decorators.js';
import { NO_STORE, OAuthErrorFilter } from './oauth-error.filter.js';
import { AccessTokenDto, OAuthErrorDto, TokenRequestDto } from './oauth.dto.js';
import { OAuthService } from './oauth.service.js';

/** Outside the base path, where OAuth2 clients look for it. */
@ApiTags('OAuth2')
@UseFilters(OAuthErrorFilter)
@Controller('oauth')
export class OAuthController {
  constructor(private readonly oauth: OAuthService) {}

  /** Public to the guard, since here the credentials are part of the request. */
  @Post('token')
  @Public()
  @HttpCode(200)
  @Header('cache-control', NO_STORE['cache-control'])
  @Header('pragma', NO_STORE.pragma)
  @ApiOperation({
    operationId: 'issueAccessToken',
    summary: 'Get an access token for an API key (OAuth2 client credentials)',
    description:
      'As RFC 6749 has it, sections 4.4 and 5: a form, and failures as `{error, error_description}` rather than problem+json. ' +
      'The client is an API key, named in the form or by HTTP Basic. The token ends with its key.',
  })
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({ type: TokenRequestDto })
  @ApiOkResponse({ type: AccessTokenDto })
  @ApiBadRequestResponse({
    type: OAuthErrorDto,
    description: '`invalid_request`, `unsupported_grant_type` or `invalid_scope`.',
  })
  @ApiUnauthorizedResponse({ type: OAuthErrorDto, description: '`invalid_client`.' })
  token(@Req() request: FastifyRequest): Promise<AccessTokenDto> {
    return this.oauth.issue(request.body, request.headers.authorization);
  }
}
