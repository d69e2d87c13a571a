import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  Logger,
  NotFoundException,
  PayloadTooLargeException,
  UnsupportedMediaTypeException,
  type ArgumentsHost,
} from '@nestjs/common';
import { DomainError, PROBLEMS, validationFailed, type ProblemCode } from './domain-error.js';
import { ProblemFilter, toDomainError } from './problem.filter.js';

interface Sent {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** What Fastify would send for this failure. */
function answerTo(thrown: unknown): Sent {
  const sent: Sent = { status: 0, headers: {}, body: {} };
  const reply = {
    status: (status: number) => {
      sent.status = status;
      return reply;
    },
    header: (name: string, value: string) => {
      sent.headers[name] = value;
      return reply;
    },
    headers: (headers: Record<string, string>) => {
      Object.assign(sent.headers, headers);
      return reply;
    },
    send: (body: string) => {
      sent.body = JSON.parse(body) as Record<string, unknown>;
      return reply;
    },
  };
  const http = { getRequest: () => ({ id: 'req-1', method: 'GET' }), getResponse: () => reply };
  new ProblemFilter().catch(thrown, { switchToHttp: () => http } as unknown as ArgumentsHost);
  return sent;
}

describe('the answer to a failure', () => {
  const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  beforeEach(() => logged.mockClear());
  afterAll(() => logged.mockRestore());

  it.each(Object.keys(PROBLEMS) as ProblemCode[])('is problem+json for %s', (code) => {
    const { status, headers, body } = answerTo(new DomainError(code, 'what happened'));
    expect(status).toBe(PROBLEMS[code].status);
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: `urn:posthaste:problem:${code}`,
      title: PROBLEMS[code].title,
      status,
      detail: 'what happened',
      request_id: 'req-1',
    });
  });

  it('names the fields that were refused', () => {
    const errors = [{ field: 'url', message: 'is required' }];
    expect(answerTo(validationFailed(errors)).body).toMatchObject({ errors, detail: 'url: is required' });
  });

  it('says when to come back, how to identify oneself, and what else the failure brings', () => {
    expect(answerTo(new DomainError('rate_limited', 'x', { retryAfterSeconds: 7 })).headers['retry-after']).toBe('7');
    expect(answerTo(new DomainError('unauthorized', 'x')).headers['www-authenticate']).toContain('Bearer');
    expect(answerTo(new DomainError('method_not_allowed', 'x', { headers: { allow: 'GET' } })).headers.allow).toBe(
      'GET',
    );
  });

  it('is 503 with Retry-After while the database is away, and no error of ours', () => {
    const { status, headers } = answerTo(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
    expect([status, headers['retry-after']]).toEqual([503, '2']);
    expect(logged).not.toHaveBeenCalled();
  });

  it('tells nothing of a fault of ours, which the log does', () => {
    const fault = new Error('password of the database: hunter2');
    const { status, body } = answerTo(fault);
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(logged).toHaveBeenCalledWith(expect.objectContaining({ err: fault, requestId: 'req-1' }));
  });
});

describe('what Nest and Fastify raise themselves', () => {
  it.each<[HttpException, ProblemCode]>([
    [new NotFoundException('Cannot GET /x'), 'not_found'],
    [new BadRequestException('Malformed'), 'malformed_request'],
    [new ForbiddenException('No'), 'forbidden'],
    [new PayloadTooLargeException('Request body is too large'), 'payload_too_large'],
    [new UnsupportedMediaTypeException('Unsupported Media Type'), 'unsupported_media_type'],
    [new HttpException("I'm a teapot", 418), 'malformed_request'],
    [new InternalServerErrorException('secret detail'), 'internal_error'],
    [new HttpException('Bad gateway', 502), 'internal_error'],
  ])('%s becomes %s', (thrown, code) => {
    const error = toDomainError(thrown);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('secret');
  });

  it('an error of ours stays what it is', () => {
    const error = new DomainError('conflict', 'x');
    expect(toDomainError(error)).toBe(error);
  });

  it.each([undefined, null, 'text', {}])('%j thrown is an internal error', (thrown) => {
    expect(toDomainError(thrown).code).toBe('internal_error');
  });
});
