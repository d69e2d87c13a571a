import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DomainError } from '../common/domain-error.js';
import { ACCESS_METADATA, type Access, type AuthenticatedRequest } from './auth.decorators.js';
import { Authenticator } from './authenticator.js';

/** Lets a request pass when its caller may do what the route asks; on every route. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === undefined)
      throw new Error(`${context.getClass().name}.${context.getHandler().name} names no access.`);
    if (access.kind === 'public') return true;

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const key = presentedKey(request);
    if (key === null) {
      throw new DomainError('unauthorized', 'An API key is required: X-API-Key, or Authorization: Bearer.');
    }
    if (this.authenticator.isOperator(key)) {
      request.caller =
        access.kind === 'operator'
          ? this.authenticator.operator()
          : await this.authenticator.operatorFor(headerOf(request, 'x-tenant-id'));
      return true;
    }
    const caller = await this.authenticator.tenantKey(key);
    if (access.kind === 'operator') throw new DomainError('forbidden', 'Only the operator may do this.');
    if (!caller.scopes.has(access.scope)) {
      throw new DomainError('missing_scope', `This API key lacks the scope ${access.scope}.`);
    }
    request.caller = caller;
    return true;
  }
}

function presentedKey(request: AuthenticatedRequest): string | null {
  const header = headerOf(request, 'x-api-key');
  if (header !== undefined) return header;
  const bearer = /^Bearer +(\S+)$/i.exec(headerOf(request, 'authorization') ?? '');
  return bearer?.[1] ?? null;
}

function headerOf(request: AuthenticatedRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
