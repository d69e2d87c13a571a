import type { CreateEndpointDto } from '../endpoints/endpoint.dto.js';

export const DEMO_TENANT_EMAIL = 'demo@posthaste.invalid';

const QUICK = { max_attempts: 3, schedule_seconds: [0, 2, 4] };

/** What the demo sends to, by the last part of its URL. */
export const DEMO_ENDPOINTS: Record<string, Pick<CreateEndpointDto, 'description' | 'event_types' | 'retry_policy'>> = {
  good: { description: 'Demo: always answers', event_types: [] },
  flaky: { description: 'Demo: takes a retry or two', event_types: ['order.*'], retry_policy: QUICK },
  slow: { description: 'Demo: takes its time', event_types: ['customer.*'] },
  failing: {
    description: 'Demo: never works',
    event_types: ['invoice.*'],
    retry_policy: { max_attempts: 2, schedule_seconds: [0, 3] },
  },
};

const TYPES = ['order.created', 'customer.updated', 'order.paid', 'order.shipped', 'invoice.sent'] as const;

/** The n-th event, as it is posted. */
export function demoEvent(number: number): object {
  const event_type = TYPES[number % TYPES.length] ?? TYPES[0];
  const payload = {
    number,
    total: (number * 37) % 500,
    currency: 'EUR',
    note: 'Text is text: <script>alert(1)</script>',
  };
  return { event_type, source: 'demo', payload };
}
