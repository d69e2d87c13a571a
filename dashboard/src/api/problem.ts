export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** A failure as the API tells it (RFC 9457), or what stands for it when no answer came. */
export class Problem extends Error {
  constructor(
    /** 0 when no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: readonly FieldError[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = 'Problem';
  }

  static async of(response: Response): Promise<Problem> {
    const body = (await response.json().catch(() => ({}))) as Partial<Record<string, unknown>>;
    const text = (name: string): string | undefined => (typeof body[name] === 'string' ? body[name] : undefined);
    return new Problem(
      response.status,
      text('code') ?? `http_${response.status}`,
      text('detail') ?? text('title') ?? `The server answered ${response.status}.`,
      Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
      response.headers.get('x-request-id'),
    );
  }

  /** What is wrong with a field, or with a part of it. */
  errorAt(field: string): string | undefined {
    return this.errors.find((error) => error.field === field || error.field.startsWith(`${field}.`))?.message;
  }

  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    return new Problem(0, 'unreachable', 'Posthaste could not be reached.');
  }
}
