/** What to print of an error. Node tells of a refused connection to several addresses in an error without a message of its own. */
export function errorMessage(error: unknown): string {
  const parts = (error as { errors?: unknown } | null)?.errors;
  if (Array.isArray(parts) && parts.length > 0) return parts.map(errorMessage).join('; ');
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === 'string' && message !== '' ? message : String(error);
}
