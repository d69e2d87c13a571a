import type { FastifyInstance } from 'fastify';

/**
 * Lets a closing server come to its end. It closes idle connections by itself, but one whose request was under way would
 * be kept alive after its answer, and a stream would never end.
 * @param graceMs how long requests under way may take once the server closes
 */
export function closeGracefully(fastify: FastifyInstance, graceMs: number): void {
  let closing = false;
  fastify.addHook('preClose', (done) => {
    closing = true;
    setTimeout(() => fastify.server.closeAllConnections(), graceMs).unref();
    done();
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
}
