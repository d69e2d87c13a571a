import { ValidateBy } from 'class-validator';
import { isValidEventTypePattern } from '../events/event-types.js';

/** Each element is an event type, or a prefix such as `order.*`. */
export function IsEventTypePattern(): PropertyDecorator {
  const message = 'must hold event types such as order.created, or prefixes such as order.*';
  const validate = (value: unknown): boolean =>
    Array.isArray(value) && value.every((item) => typeof item === 'string' && isValidEventTypePattern(item));
  return ValidateBy({ name: 'isEventTypePattern', validator: { validate, defaultMessage: () => message } });
}
