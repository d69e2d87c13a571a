import { Injectable, type CanActivate, type ExecutionContext, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost, Reflector } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { DomainError } from '../common/domain-error.js';
import type { Scope } from './api-key.entity.js';
import { ACCESS_METADATA, type Access, type AuthenticatedRequest } from './auth.decorators.js';
import { Authenticator } from './authenticator.js';
import type { Authenticated, Caller } from './caller.js';
import { authenticateBeforeBody } from './early-authentication.js';
import { headerOf, presentedBy } from './presented.js';
import { refuseForgery } from './request-forgery.js';

/** Lets a request pass when its caller may do what the route asks; on every route. */
@Injectable()
export class AuthGuard implements CanActivate, OnModuleInit {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly config: Config,
    private readonly adapterHost: HttpAdapterHost<FastifyAdapter>,
  ) {}

  onModuleInit(): void {
    authenticateBeforeBody(this.adapterHost.httpAdapter.getInstance(), (request) => this.identify(request));
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === undefined)
      throw new Error(`${context.getClass().name}.${context.getHandler().name} names no access.`);
    if (access.kind === 'public') return true;

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const authenticated = request.authenticated ?? (await this.identify(request));
    const { csrfToken } = authenticated.credential;
    if (csrfToken !== null) refuseForgery(request, csrfToken);
    request.caller = await this.admit(access, authenticated, request);
    request.credential = authenticated.credential;
    return true;
  }

  /** @throws DomainError `unauthorized` */
  private async identify(request: FastifyRequest): Promise<Authenticated> {
    const presented = presentedBy(request, this.config.publicUrl);
    if (presented === null) {
      throw new DomainError('unauthorized', 'A key or token is required: X-API-Key, or Authorization: Bearer.');
    }
    return this.authenticator.authenticate(presented);
  }

  /** @throws DomainError for a caller who is known, but not the one for this route */
  private async admit(
    access: Exclude<Access, { kind: 'public' }>,
    { caller, credential }: Authenticated,
    request: AuthenticatedRequest,
  ): Promise<Caller> {
    switch (access.kind) {
      case 'operator':
        if (caller.kind !== 'operator') throw new DomainError('forbidden', 'Only the operator may do this.');
        return caller;
      case 'tenant':
        if (caller.kind === 'operator') {
          const tenantId = headerOf(request, 'x-tenant-id');
          return access.operatorForAll && tenantId === undefined ? caller : this.authenticator.operatorFor(tenantId);
        }
        return withScope(caller, access.scope);
      case 'operator or tenant':
        return caller.kind === 'operator' ? caller : withScope(caller, access.scope);
      case 'session':
        if (credential.kind !== 'session') throw new DomainError('unauthorized', 'There is no session.');
        return caller;
      case 'anybody known':
        return caller;
    }
  }
}

function withScope(caller: Caller, scope: Scope): Caller {
  if (caller.scopes.has(scope)) return caller;
  const what = caller.kind === 'portal' ? 'portal link' : 'API key or token';
  throw new DomainError('missing_scope', `This ${what} lacks the scope ${scope}.`);
}
