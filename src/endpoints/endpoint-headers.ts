import { validationFailed } from '../common/domain-error.js';
import { refusedHeaders } from '../sending/reserved-headers.js';

const MAX_REPORTED_NAME_LENGTH = 128;

/**
 * The headers of a request: undefined when absent, null when there are to be none.
 * @throws DomainError `validation_failed` with an error for each bad header; never repeats a value
 */
export function readHeaders(value: unknown): Record<string, string> | null | undefined {
  if (value === undefined || value === null) return value;
  if (!isStringRecord(value)) {
    throw validationFailed([{ field: 'headers', message: 'must be an object of header names and string values' }]);
  }
  const refusals = refusedHeaders(value);
  if (refusals.length > 0) {
    throw validationFailed(
      refusals.map(({ name, message }) => ({
        field: name === '' ? 'headers' : `headers.${name.slice(0, MAX_REPORTED_NAME_LENGTH)}`,
        message,
      })),
    );
  }
  return Object.keys(value).length === 0 ? null : value;
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item === 'string')
  );
}
