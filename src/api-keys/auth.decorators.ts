import { applyDecorators, createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ApiProblems } from '../common/api-problems.decorator.js';
import type { Scope } from './api-key.entity.js';
import type { Caller, CallerTenant } from './caller.js';

export const ACCESS_METADATA = 'posthaste:access';

/** What a route asks of its caller. A route without any is refused at start-up, so none is open by oversight. */
export type Access = { kind: 'public' } | { kind: 'operator' } | { kind: 'tenant'; scope: Scope };

export type AuthenticatedRequest = FastifyRequest & { caller?: Caller };

/** No key asked. */
export const Public = (): MethodDecorator & ClassDecorator =>
  SetMetadata(ACCESS_METADATA, { kind: 'public' } satisfies Access);

/** Only with the operator's key. */
export const OperatorOnly = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'operator' } satisfies Access),
    ApiSecurity('operator'),
    ApiProblems('unauthorized', 'forbidden'),
  );

/** A tenant's key with this scope, or the operator acting for a tenant (`X-Tenant-Id`). */
export const RequireScope = (scope: Scope): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, { kind: 'tenant', scope } satisfies Access),
    ApiSecurity('api_key'),
    ApiSecurity('bearer'),
    ApiProblems('unauthorized', 'missing_scope'),
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
