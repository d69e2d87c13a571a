import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseUnavailable } from './database-errors.js';
import { DomainError, PROBLEMS, type ProblemCode } from './domain-error.js';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.js';

/** The one place where a failure becomes an answer. What it doesn't know is a 500 without details, and a log line with them. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = toDomainError(thrown);
    if (error.code === 'internal_error') {
      this.logger.error({
        err: thrown,
        requestId: request.id,
        method: request.method,
        route: request.routeOptions?.url,
      });
    }
    sendProblem(request, reply, error);
  }
}

/** Answers with a problem; for the few places that no exception filter of Nest's stands behind. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: DomainError): void {
  const { retryAfterSeconds, headers } = error.extras;
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  if (error.code === 'unauthorized') void reply.header('www-authenticate', 'ApiKey realm="posthaste", Bearer');
  if (headers !== undefined) void reply.headers(headers);
  void reply
    .status(error.status)
    .header('content-type', PROBLEM_CONTENT_TYPE)
    .send(JSON.stringify(problemOf(error, request.id)));
}

/** Exported for what answers outside a controller (a 405, a batch's single event). */
export function toDomainError(thrown: unknown): DomainError {
  if (thrown instanceof DomainError) return thrown;
  if (isDatabaseUnavailable(thrown)) {
    return new DomainError('unavailable', 'The database is away. Nothing was stored; try again.', {
      retryAfterSeconds: 2,
    });
  }
  if (thrown instanceof HttpException) return fromStatus(thrown.getStatus(), thrown.message);
  return new DomainError('internal_error', 'Something went wrong on our side.');
}

/** Failures that Nest or Fastify raise themselves carry no code of ours, only an HTTP status. */
function fromStatus(status: number, message: string): DomainError {
  if (status === 404) return new DomainError('not_found', 'No such route.');
  const code = (Object.keys(PROBLEMS) as ProblemCode[]).find((known) => PROBLEMS[known].status === status);
  if (code === undefined || status >= 500) {
    return status >= 400 && status < 500
      ? new DomainError('malformed_request', message)
      : new DomainError('internal_error', 'Something went wrong on our side.');
  }
  return new DomainError(code, message);
}
