import { Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AnybodyKnown, BySession, CurrentCaller, CurrentCredential } from '../api-keys/auth.decorators.js';
import type { Caller, Credential } from '../api-keys/caller.js';
import { refuseOtherSites } from '../api-keys/request-forgery.js';
import { clearSessionCookie, setSessionCookie } from '../api-keys/session-cookie.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { Config } from '../config/config.js';
import { SessionDto } from './session.dto.js';
import { SessionsService } from './sessions.service.js';

@ApiTags('Sessions')
@Controller('session')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    private readonly config: Config,
  ) {}

  @Post()
  @AnybodyKnown()
  @ApiOperation({
    operationId: 'beginSession',
    summary: "Begin a browser's session with an API key or a portal link",
    description:
      'Sets a cookie that no script can read and that ends after 8 hours, or with the portal link. Requests by that cookie ' +
      'that are no GET need the `csrf_token` as `X-CSRF-Token`, and must come from the same origin.',
  })
  @ApiCreatedResponse({
    type: SessionDto,
    headers: { 'Set-Cookie': { schema: { type: 'string' }, description: 'HttpOnly, SameSite=Strict.' } },
  })
  @ApiProblems('forbidden', 'csrf')
  async begin(
    @CurrentCaller() caller: Caller,
    @CurrentCredential() credential: Credential,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionDto> {
    // Or another site could have a browser work as somebody else than the person thinks.
    refuseOtherSites(request);
    const { session, ...cookie } = await this.sessions.begin(caller, credential, actor);
    setSessionCookie(request, reply, this.config.publicUrl, cookie);
    return session;
  }

  @Get()
  @BySession()
  @ApiOperation({ operationId: 'getSession', summary: 'Whose session this is, and what it may do' })
  @ApiOkResponse({ type: SessionDto })
  get(@CurrentCaller() caller: Caller, @CurrentCredential() credential: Credential): Promise<SessionDto> {
    return this.sessions.show(caller, credential);
  }

  @Delete()
  @BySession()
  @HttpCode(204)
  @ApiOperation({ operationId: 'endSession', summary: 'End the session, and every copy of its cookie' })
  @ApiHeader({ name: 'X-CSRF-Token', required: true, description: "The session's `csrf_token`." })
  @ApiNoContentResponse()
  @ApiProblems('csrf')
  end(
    @CurrentCredential() credential: Credential,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    // First, so that the browser loses it even where the rest fails.
    clearSessionCookie(request, reply, this.config.publicUrl);
    return this.sessions.end(credential);
  }
}
