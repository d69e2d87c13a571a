import type { FastifyInstance } from 'fastify';
import { DomainError } from './domain-error.js';
import { decodeUtf8 } from './utf8.js';

const MEDIA_TYPE = 'application/x-www-form-urlencoded';
const LIMIT_BYTES = 16 * 1024;

/** The only routes that take a form, since RFC 6749 wants one. */
const FORM_ROUTES: ReadonlySet<string> = new Set(['/oauth/token']);

/**
 * Hands a form over as URLSearchParams, which keeps repeated names. Everywhere else a form stays an unsupported media type: it
 * is what another site's page can send without being asked.
 */
export function acceptForms(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(MEDIA_TYPE, { parseAs: 'buffer', bodyLimit: LIMIT_BYTES }, (request, body, done) => {
    if (!FORM_ROUTES.has(request.routeOptions.url ?? '')) {
      return done(new DomainError('unsupported_media_type', `Unsupported Media Type: ${MEDIA_TYPE}`));
    }
    const text = decodeUtf8(body as Buffer);
    if (text === null) return done(new DomainError('malformed_request', 'The body is not valid UTF-8.'));
    done(null, new URLSearchParams(text));
  });
}
