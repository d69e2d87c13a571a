import { applyDecorators, createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ACCESS_EXTENSION } from '../common/api-docs.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Scope } from './api-key.entity.js';
import type { Authenticated, Caller, CallerTenant, Credential } from './caller.js';

export const ACCESS_METADATA = 'posthaste:access';

/** What a route asks of its caller. A route without any is refused at start-up, so none is open by oversight. */
export type Access =
  | { kind: 'public' }
  | { kind: 'operator' }
  | { kind: 'tenant'; scope: Scope; operatorForAll?: true }
  /** The operator without a tenant, or a tenant's key with this scope: the route itself sees whose the object is. */
  | { kind: 'operator or tenant'; scope: Scope }
  /** Anybody whom a key or token names, whatever it may do. */
  | { kind: 'anybody known' }
  /** A browser's session, whatever it may do. */
  | { kind: 'session' };

/** `authenticated`: who it is, known before the body was read; whether they may do this is not. */
export type AuthenticatedRequest = FastifyRequest & Partial<Authenticated> & { authenticated?: Authenticated };

/** No key asked. */
export const Public = (): MethodDecorator & ClassDecorator =>
  SetMetadata(ACCESS_METADATA, { kind: 'public' } satisfies Access);

/** Only with the operator's key. */
export const OperatorOnly = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'operator' } satisfies Access),
    ApiExtension(ACCESS_EXTENSION, 'operator'),
    ApiSecurity('operator'),
    ApiSecurity('session'),
    ApiProblems('unauthorized', 'forbidden'),
  );

/** A tenant's key with this scope, or the operator acting for a tenant (`X-Tenant-Id`). */
export const RequireScope = (scope: Scope): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'tenant', scope } satisfies Access),
    documentScope(scope),
    ApiProblems('tenant_required'),
  );

const documentScope = (scope: Scope): MethodDecorator & ClassDecorator =>
  applyDecorators(
    ApiExtension(ACCESS_EXTENSION, scope),
    ApiSecurity('api_key'),
    ApiSecurity('bearer'),
    ApiSecurity('session'),
    ApiProblems('unauthorized', 'missing_scope'),
  );

/** The operator, or a tenant's key with this scope; the route itself answers 404 where the object is not the caller's. */
export const OperatorOrTenant = (scope: Scope): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'operator or tenant', scope } satisfies Access),
    ApiSecurity('operator'),
    documentScope(scope),
  );

/** Whoever has a good key or token. */
export const AnybodyKnown = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'anybody known' } satisfies Access),
    ApiExtension(ACCESS_EXTENSION, 'any key'),
    ApiSecurity('operator'),
    ApiSecurity('api_key'),
    ApiSecurity('bearer'),
    ApiProblems('unauthorized'),
  );

/** Only by the cookie of a session. */
export const BySession = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'session' } satisfies Access),
    ApiExtension(ACCESS_EXTENSION, 'session'),
    ApiSecurity('session'),
    ApiProblems('unauthorized'),
  );

/** As `RequireScope`; but an operator who names no tenant acts for all, and `caller.tenant` is null. */
export const RequireScopeOrOperator = (scope: Scope): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'tenant', scope, operatorForAll: true } satisfies Access),
    documentScope(scope),
    ApiSecurity('operator'),
  );

function callerOf(context: ExecutionContext): Caller {
  const caller = context.switchToHttp().getRequest<AuthenticatedRequest>().caller;
  if (caller === undefined) throw new Error('The auth guard has not run for this route.');
  return caller;
}

function tenantOf(context: ExecutionContext): CallerTenant {
  const { tenant } = callerOf(context);
  if (tenant === null) throw new Error('This route does not act for a tenant.');
  return tenant;
}

/** The id of the tenant that the request acts for. */
export const TenantId = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string => tenantOf(context).id,
);

/** The tenant that the request acts for, with its status and limits. */
export const CurrentTenant = createParamDecorator((_data: unknown, context: ExecutionContext) => tenantOf(context));

export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext) => callerOf(context));

/** By what the caller showed who it is. */
export const CurrentCredential = createParamDecorator((_data: unknown, context: ExecutionContext): Credential => {
  const { credential } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (credential === undefined) throw new Error('The auth guard has not run for this route.');
  return credential;
});
