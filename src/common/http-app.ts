import { ValidationPipe, type NestApplicationOptions, type ValidationError } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Config } from '../config/config.js';
import { DomainError, validationFailed, type FieldError } from './domain-error.js';
import { closeGracefully } from './graceful-close.js';
import { isNestedDeeper } from './json-depth.js';
import { ProblemFilter } from './problem.filter.js';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.js';
import { RouteTable } from './route-table.js';
import { decodeUtf8 } from './utf8.js';

const KIB = 1024;
const DEFAULT_BODY_LIMIT_BYTES = 128 * KIB;
const MAX_BODY_DEPTH = 32;

/** Routes that take their body as it came: the payload inside must arrive byte for byte. */
const RAW_BODY_LIMIT_BYTES: ReadonlyMap<string, number> = new Map([
  // The payload's own limit is 256 KiB; the rest is room for the envelope and for white space.
  ['/api/v1/events', 1024 * KIB],
  ['/api/v1/events/batch', 10 * 1024 * KIB],
]);

export const API_PREFIX = 'api/v1';

/** Options for `NestFactory.create`: our own body parser replaces Nest's. */
export const HTTP_APP_OPTIONS: NestApplicationOptions = { bodyParser: false, bufferLogs: true };

export function createHttpAdapter(config: Config): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: DEFAULT_BODY_LIMIT_BYTES,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: trustProxyOf(config.trustProxy),
    // A client that sends its headers or body a byte at a time must not hold a socket for ever.
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    // Prototype pollution is no matter here: bodies are parsed below and copied field by field into DTOs.
    // As long as a URL can be: an id that is too long is unknown (404) like any other, not a 414 of the router.
    routerOptions: { maxParamLength: 16 * KIB },
    // What the router refuses itself (a path whose escapes are no UTF-8) never reaches the filter.
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      const problem = problemOf(new DomainError('malformed_request', 'The path is not valid.'), request.id);
      const headers = { 'content-type': PROBLEM_CONTENT_TYPE, 'x-request-id': request.id };
      void reply.status(problem.status).headers(headers).send(JSON.stringify(problem));
    },
  });
}

/** What every route shares: prefix, body parsing, validation, problem+json, request ids. */
export function configureHttp(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const routes = new RouteTable();
  closeGracefully(fastify, app.get(Config).shutdownGraceSeconds * 1_000);

  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (RAW_BODY_LIMIT_BYTES.has(request.routeOptions.url ?? '')) return done(null, body);
    try {
      done(null, parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addHook('onRoute', (route) => {
    const rawBodyLimit = RAW_BODY_LIMIT_BYTES.get(route.url);
    if (rawBodyLimit !== undefined) route.bodyLimit = rawBodyLimit;
    routes.add(route.url, route.method);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    const allowed = request.is404 ? routes.methodsOf(request.url) : [];
    if (allowed.length === 0) return done();
    done(
      new DomainError('method_not_allowed', `${request.method} is not possible here; ${allowed.join(', ')} is.`, {
        headers: { allow: allowed.join(', ') },
      }),
    );
  });

  app.setGlobalPrefix(API_PREFIX, { exclude: ['health/live', 'health/ready', 'metrics'] });
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalPipes(
    new ValidationPipe({
      whitelist: true,
      // A typo in a field's name must be seen, not ignored.
      forbidNonWhitelisted: true,
      transform: true,
      stopAtFirstError: true,
      exceptionFactory: (errors) => validationFailed(flatten(errors)),
    }),
  );
}

/** Undefined for an empty body, as routes with an all-optional body allow. */
function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = decodeUtf8(body);
  if (text === null) throw new DomainError('malformed_request', 'The body is not valid UTF-8.');
  if (isNestedDeeper(text, MAX_BODY_DEPTH))
    throw new DomainError('malformed_request', 'The body is nested too deeply.');
  try {
    return JSON.parse(text);
  } catch {
    throw new DomainError('malformed_request', 'The body is not valid JSON.');
  }
}

/** The caller's own id when it is one that can stand in a header and a log line, else a new one. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID();
}

function trustProxyOf(setting: string): boolean | string {
  if (setting === 'true') return true;
  return setting === 'false' ? false : setting;
}

function flatten(errors: ValidationError[], path = ''): FieldError[] {
  return errors.flatMap((error) => {
    const field = path === '' ? error.property : `${path}.${error.property}`;
    const own = Object.values(error.constraints ?? {}).map((message) => ({
      field,
      message: friendly(message, error.property),
    }));
    return [...own, ...flatten(error.children ?? [], field)];
  });
}

/** class-validator repeats the property's name, which `field` already says. */
function friendly(message: string, property: string): string {
  if (message === `property ${property} should not exist`) return 'unknown field';
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
