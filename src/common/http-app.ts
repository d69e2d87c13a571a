import cookies from '@fastify/cookie';
import { ValidationPipe, type NestApplicationOptions, type ValidationError } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Config, readTrustProxy } from '../config/config.js';
import { limitByAddress } from './address-limits.js';
import { answerClientError } from './client-errors.js';
import { allowOrigins } from './cors.js';
import { DomainError, validationFailed, type FieldError } from './domain-error.js';
import { acceptForms } from './form-body.js';
import { closeGracefully } from './graceful-close.js';
import { HTTP_LIMITS, serverOptionsOf, type HttpLimits } from './http-limits.js';
import { isNestedDeeper } from './json-depth.js';
import { ProblemFilter } from './problem.filter.js';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.js';
import { RouteTable } from './route-table.js';
import { apiSecurityHeaders, sendSecurityHeaders } from './security-headers.js';
import type { TlsFiles } from './tls-files.js';
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

/** Where protocols and probes expect them. */
export const UNPREFIXED_ROUTES = ['health/live', 'health/ready', 'metrics', 'oauth/token', 'demo/receiver/:kind'];

/** Options for `NestFactory.create`: our own body parser replaces Nest's. */
export const HTTP_APP_OPTIONS: NestApplicationOptions = { bodyParser: false, bufferLogs: true };

export interface HttpAdapterOptions {
  /** With TLS; else plain. */
  tls?: TlsFiles | null;
  limits?: HttpLimits;
}

export function createHttpAdapter(
  config: Config,
  { tls = null, limits = HTTP_LIMITS }: HttpAdapterOptions = {},
): FastifyAdapter {
  const server = serverOptionsOf(limits);
  return new FastifyAdapter({
    ...(tls === null ? { http: server } : { https: { ...server, ...tls } }),
    bodyLimit: DEFAULT_BODY_LIMIT_BYTES,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: readTrustProxy(config.trustProxy) ?? false,
    requestTimeout: limits.requestTimeoutMs,
    // Idle connections are ended by the time limits: a connection's own would also end requests that take long to answer.
    connectionTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerClientError,
    // Prototype pollution is no matter here: bodies are parsed below and copied field by field into DTOs.
    // As long as a URL can be: an id that is too long is unknown (404) like any other, not a 414 of the router.
    routerOptions: { maxParamLength: 16 * KIB },
    // What the router refuses itself (a path whose escapes are no UTF-8) never reaches the filter.
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      const problem = problemOf(new DomainError('malformed_request', 'The path is not valid.'), request.id);
      const headers = { ...apiSecurityHeaders, 'content-type': PROBLEM_CONTENT_TYPE, 'x-request-id': request.id };
      void reply.status(problem.status).headers(headers).send(JSON.stringify(problem));
    },
  });
}

/** What every route shares: prefix, body parsing, validation, problem+json, request ids. */
export function configureHttp(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const routes = new RouteTable();
  const config = app.get(Config);
  closeGracefully(fastify, config.shutdownGraceSeconds * 1_000);
  sendSecurityHeaders(fastify);
  allowOrigins(fastify, config.corsOrigins);

  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (RAW_BODY_LIMIT_BYTES.has(request.routeOptions.url ?? '')) return done(null, body);
    try {
      done(null, parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  acceptForms(fastify);
  // Read where they are needed, not on each request: hardly any has one.
  void fastify.register(cookies, { hook: false });
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

  // Last of the hooks on a request's arrival, so that its answers have an id too.
  limitByAddress(fastify, {
    requests: config.ipRateLimit,
    authFailures: config.authFailureLimit,
    // Deliveries of our own come without a key, and often.
    exemptPaths: ['/health/', ...(config.serveDemo ? ['/demo/receiver/'] : [])],
    keyedPaths: ['/api/', '/queues', ...(config.metricsPublic ? [] : ['/metrics'])],
  });

  app.setGlobalPrefix(API_PREFIX, { exclude: UNPREFIXED_ROUTES });
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
