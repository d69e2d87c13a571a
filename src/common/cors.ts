import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/**
 * Lets pages of these origins call the API from a browser. Without any there is no CORS at all. Never with cookies: a
 * page brings a key or token of its own.
 */
export function allowOrigins(fastify: FastifyInstance, origins: string[]): void {
  if (origins.length === 0) return;
  void fastify.register(cors, {
    origin: origins,
    credentials: false,
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: [
      ...['Authorization', 'Content-Type', 'Idempotency-Key', 'Traceparent', 'X-API-Key', 'X-Request-Id'],
      ...['X-Signature', 'X-Tenant-Id'],
    ],
    exposedHeaders: ['RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  });
}
