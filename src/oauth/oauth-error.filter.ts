import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { OAUTH_ERRORS, OAuthError } from './oauth-error.js';

export const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;

/** Tells failures as RFC 6749, section 5.2, has them, which is what OAuth2 clients read: no problem+json. */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  catch(error: OAuthError, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error.code === 'invalid_client') {
      void reply.header('www-authenticate', 'Basic realm="posthaste", charset="UTF-8"');
    }
    void reply
      .status(OAUTH_ERRORS[error.code])
      .headers(NO_STORE)
      .send({ error: error.code, error_description: error.message });
  }
}
