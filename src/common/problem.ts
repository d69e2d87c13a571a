import { PROBLEMS, type DomainError, type FieldError, type ProblemCode } from './domain-error.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** RFC 9457 problem details, as every failure is told. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  request_id?: string;
  errors?: FieldError[];
}

export function problemOf(error: DomainError, requestId?: string): Problem {
  return {
    type: problemType(error.code),
    title: PROBLEMS[error.code].title,
    status: error.status,
    detail: error.message,
    ...(requestId === undefined ? {} : { request_id: requestId }),
    ...(error.extras.errors ? { errors: error.extras.errors } : {}),
  };
}

/** A URN, because a type must stay the same wherever an installation is reached. */
export const problemType = (code: ProblemCode): string => `urn:posthaste:problem:${code}`;
