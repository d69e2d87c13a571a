import { QueryFailedError } from 'typeorm';
import { isDatabaseUnavailable, isTransient } from './database-errors.js';

const withCode = (code: string): Error => Object.assign(new Error('any'), { code });
const wrapped = (error: Error): Error => new QueryFailedError('SELECT 1', [], error);

describe('PostgreSQL is away', () => {
  it.each([
    '08006',
    '08001',
    '57P01',
    '57P02',
    '57P03',
    '53300',
    '25006',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'EAI_AGAIN',
  ])('with %s, plain, wrapped by TypeORM, or as a cause', (code) => {
    expect(isDatabaseUnavailable(withCode(code))).toBe(true);
    expect(isDatabaseUnavailable(wrapped(withCode(code)))).toBe(true);
    expect(isDatabaseUnavailable(new Error('x', { cause: withCode(code) }))).toBe(true);
  });

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
  ])('when pg says "%s", which has no code', (message) => {
    expect(isDatabaseUnavailable(new Error(message))).toBe(true);
    expect(isDatabaseUnavailable(wrapped(new Error(message)))).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a statement that is wrong', withCode('42601')],
    ['a value that is wrong', withCode('22021')],
    ['a constraint', withCode('23505')],
    ['a statement that took too long', withCode('57014')],
    ['a deadlock', withCode('40P01')],
    ['a message that only holds those words', new Error('the receiver said: Connection terminated')],
    ['what is no error', 'Connection terminated'],
    ['nothing', null],
    ['a code that is no text', { code: 8006 }],
  ])('but not with %s', (_what, error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  });

  it('is found out although causes lead round in a circle', () => {
    const error = new Error('x');
    error.cause = error;
    expect(isDatabaseUnavailable(error)).toBe(false);
  });
});

describe('trying the same statement again may help', () => {
  it.each(['40P01', '40001', '55P03'])('after %s', (code) => {
    expect(isTransient(wrapped(withCode(code)))).toBe(true);
  });
  it.each(['23505', '57P01', 'ECONNRESET'])('but not after %s', (code) => {
    expect(isTransient(withCode(code))).toBe(false);
  });
});
