import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from './metrics.js';

/**
 * Counts each answer and how long it took. All labels are bounded: the route is its pattern, or `none` where there is none,
 * and the router knows no methods but its own. Requests that end before they are one (a 400 of the parser, a 408) aren't here.
 */
export function countRequests(fastify: FastifyInstance, metrics: Metrics): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const route = routeOf(request);
    metrics.httpRequests.inc({ method, route, status: reply.statusCode });
    metrics.httpRequestDuration.observe({ method, route }, reply.elapsedTime / 1_000);
    done();
  });
}

const routeOf = ({ is404, routeOptions }: FastifyRequest): string => (is404 ? 'none' : (routeOptions.url ?? 'none'));
