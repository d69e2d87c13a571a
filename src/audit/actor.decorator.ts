import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AuthenticatedRequest } from '../api-keys/auth.decorators.js';
import type { Actor } from './actor.js';

const MAX_USER_AGENT_LENGTH = 512;
/** With a `TRUST_PROXY` that believes everybody the address is whatever the client wrote. */
const MAX_IP_LENGTH = 64;

/** Who makes the request, for the audit log. */
export const CurrentActor = createParamDecorator((_data: unknown, context: ExecutionContext): Actor => {
  const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (request.caller === undefined) throw new Error('The auth guard has not run for this route.');
  return {
    kind: request.caller.kind,
    id: request.caller.keyId,
    requestId: request.id,
    ip: request.ip.slice(0, MAX_IP_LENGTH),
    userAgent: request.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
  };
});
