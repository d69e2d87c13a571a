import { isValidEventType, isValidEventTypePattern, wantsEvent } from './event-types.js';

describe('an event type', () => {
  it.each(['order', 'order.created', 'Order_2.v1.a', '_', 'a'.repeat(255)])('may be %s', (type) => {
    expect(isValidEventType(type)).toBe(true);
    expect(isValidEventTypePattern(type)).toBe(true);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', 'a-b', 'a b', 'a\n', 'é', 'a'.repeat(256), `${'a.'.repeat(127)}aa`])(
    'may not be %j',
    (type) => {
      expect(isValidEventType(type)).toBe(false);
      expect(isValidEventTypePattern(type)).toBe(false);
    },
  );

  it('is checked in linear time', () => {
    // In exponential time the first would never end.
    expect(isValidEventType(`${'a.'.repeat(120)}-`)).toBe(false);
    expect(isValidEventType('a.'.repeat(1_000_000))).toBe(false);
  });
});

describe('an event type pattern', () => {
  it.each(['order.*', 'order.item.*', 'posthaste.*'])('may be %s', (pattern) => {
    expect(isValidEventTypePattern(pattern)).toBe(true);
    expect(isValidEventType(pattern)).toBe(false);
  });

  it.each(['*', '.*', 'order*', '*.created', 'order.*.x', 'order.**', 'order..*', `${'a'.repeat(254)}.*`])(
    'may not be %s',
    (pattern) => {
      expect(isValidEventTypePattern(pattern)).toBe(false);
    },
  );
});

describe('an endpoint', () => {
  it.each([
    [['order.created'], 'order.created', true],
    [['order.created'], 'order.created.x', false],
    [['order.created'], 'order', false],
    [['order.*'], 'order.created', true],
    [['order.*'], 'order.item.added', true],
    [['order.*'], 'order', false],
    [['order.*'], 'orders.created', false],
    [['user.*', 'order.created'], 'order.created', true],
    [['user.*', 'order.created'], 'invoice.paid', false],
  ])('that lists %j and the event %s: %s', (patterns, eventType, wanted) => {
    expect(wantsEvent(patterns, eventType)).toBe(wanted);
  });

  it('without a list gets every event but the operational ones', () => {
    expect(wantsEvent([], 'order.created')).toBe(true);
    expect(wantsEvent([], 'posthaste')).toBe(true);
    expect(wantsEvent([], 'posthaste.endpoint.disabled')).toBe(false);
  });

  it('gets operational events when it names them', () => {
    expect(wantsEvent(['posthaste.*'], 'posthaste.endpoint.disabled')).toBe(true);
    expect(wantsEvent(['posthaste.endpoint.*'], 'posthaste.endpoint.disabled')).toBe(true);
    expect(wantsEvent(['posthaste.endpoint.disabled'], 'posthaste.endpoint.disabled')).toBe(true);
    expect(wantsEvent(['order.*', 'posthaste.dead_letter'], 'posthaste.endpoint.disabled')).toBe(false);
  });
});
