import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedRequest } from './auth.decorators.js';
import type { Authenticated } from './caller.js';

/**
 * Knows the caller of a request before its body is read, so that somebody without a key can't have us read megabytes. The guard
 * goes on from what was found. Requests without a body have nothing to gain and are left to the guard.
 * @param identify rejects with what the guard would answer
 */
export function authenticateBeforeBody(
  fastify: FastifyInstance,
  identify: (request: FastifyRequest) => Promise<Authenticated>,
): void {
  fastify.addHook('onRequest', (request: AuthenticatedRequest, reply: FastifyReply, done) => {
    // All that takes a body outside of the API is public, or has credentials in its body.
    if (!hasBody(request) || request.is404 || !request.routeOptions.url?.startsWith('/api/')) return done();
    identify(request).then(
      (authenticated) => {
        request.authenticated = authenticated;
        done();
      },
      (error: Error) => {
        // As with a body that is too large: what still comes would have to be read to its end to keep the connection.
        void reply.header('connection', 'close');
        done(error);
      },
    );
  });
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
