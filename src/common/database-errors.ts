/** SQLSTATE classes and system errors that say "the database is away", not "this statement is wrong". */
const UNAVAILABLE_SQLSTATES = /^(08...|57P0[123]|53300|25006)$/;
const UNAVAILABLE_SYSTEM_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/** What pg says without a code, when its socket ended or the pool found no connection in time. */
const UNAVAILABLE_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/;

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** TypeORM wraps the driver's error; the SQLSTATE is copied onto the wrapper, but not always the system error. */
function chain(error: unknown): unknown[] {
  const links: unknown[] = [];
  for (let link = error; link !== undefined && link !== null && links.length < 5;) {
    links.push(link);
    link = (link as { driverError?: unknown }).driverError ?? (link as { cause?: unknown }).cause;
  }
  return links;
}

/** Whether waiting and trying again may help because PostgreSQL can't be reached, is starting or is shutting down. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return chain(error).some((link) => {
    const code = codeOf(link);
    if (code !== undefined && (UNAVAILABLE_SQLSTATES.test(code) || UNAVAILABLE_SYSTEM_ERRORS.has(code))) return true;
    // pg has no code for these: its messages are the only sign there is.
    return link instanceof Error && UNAVAILABLE_MESSAGES.test(link.message);
  });
}

/** A deadlock or a serialisation failure: the same statement may well succeed when run again. */
export function isTransient(error: unknown): boolean {
  return chain(error).some((link) => ['40P01', '40001', '55P03'].includes(codeOf(link) ?? ''));
}
