/** One field of a request that was refused, for `errors` of a validation problem. */
export interface FieldError {
  field: string;
  message: string;
}

/** Every kind of failure that the API tells; the code is the last part of a problem's `type` and never changes. */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'Malformed request' },
  tenant_required: { status: 400, title: 'Tenant required' },
  unauthorized: { status: 401, title: 'Unauthorized' },
  signature_required: { status: 401, title: 'Signature required' },
  invalid_signature: { status: 401, title: 'Invalid signature' },
  forbidden: { status: 403, title: 'Forbidden' },
  csrf: { status: 403, title: 'Cross-site request' },
  missing_scope: { status: 403, title: 'Missing scope' },
  tenant_suspended: { status: 403, title: 'Tenant suspended' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'Request timeout' },
  conflict: { status: 409, title: 'Conflict' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  validation_failed: { status: 422, title: 'Validation failed' },
  idempotency_conflict: { status: 422, title: 'Idempotency conflict' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'Headers too large' },
  internal_error: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Service unavailable' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemExtras {
  errors?: FieldError[];
  /** Sent as `Retry-After`. */
  retryAfterSeconds?: number;
  headers?: Record<string, string>;
}

/** A failure with a meaning for the caller. One filter turns it into problem+json; `message` becomes its `detail`. */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

export const notFound = (what: string): DomainError => new DomainError('not_found', `No such ${what}.`);

/** @param errors at least one */
export const validationFailed = (errors: FieldError[]): DomainError =>
  new DomainError('validation_failed', errors.map((e) => `${e.field}: ${e.message}`).join('; '), { errors });
