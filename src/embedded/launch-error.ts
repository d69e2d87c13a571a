/** A start that failed for a reason the operator can mend. `message` is meant to be printed as it is, without a stack. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
}

/**
 * The code that Node's system calls (`ENOENT`, `EADDRINUSE`, …) and PostgreSQL (SQLSTATE) put on their errors; undefined for
 * other errors. Looks at the shape, not the class: under jest the errors of Node's own modules are of another realm.
 */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
