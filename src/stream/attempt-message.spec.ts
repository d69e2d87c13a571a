import { decodeMessage, encodeMessages, type StreamedAttempt } from './attempt-message.js';

const TENANT_ID = '019a0000-0000-7000-8000-000000000001';
const attempt = (values: Partial<StreamedAttempt> = {}): StreamedAttempt => ({
  id: '019a0000-0000-7000-8000-000000000002',
  delivery_id: '019a0000-0000-7000-8000-000000000003',
  event_id: '019a0000-0000-7000-8000-000000000004',
  event_type: 'order.created',
  endpoint_id: '019a0000-0000-7000-8000-000000000005',
  attempt: 1,
  outcome: 'failed',
  status_code: null,
  error: 'refused',
  duration_ms: 3,
  at: '2025-11-22T05:00:00.000Z',
  delivery_status: 'pending',
  ...values,
});

describe('messages of attempts', () => {
  it('say the same once they are read', () => {
    const message = { tenantId: TENANT_ID, attempts: [attempt(), attempt({ attempt: 2 })], skipped: 3 };
    expect(encodeMessages(message).map(decodeMessage)).toEqual([message]);
  });

  it('stay below what PostgreSQL takes, whatever errors and types say', () => {
    const wide = attempt({ error: '€'.repeat(5_000), event_type: 'x'.repeat(255) });
    const messages = encodeMessages({
      tenantId: TENANT_ID,
      attempts: Array<StreamedAttempt>(50).fill(wide),
      skipped: 7,
    });
    expect(Math.max(...messages.map((text) => Buffer.byteLength(text)))).toBeLessThan(8_000);
    const read = messages.map(decodeMessage);
    expect(read.flatMap((message) => message?.attempts ?? [])).toHaveLength(50);
    expect(read.reduce((sum, message) => sum + (message?.skipped ?? 0), 0)).toBe(7);
  });

  it('are as good as none when there is nothing to tell, and when another version wrote them', () => {
    expect(encodeMessages({ tenantId: TENANT_ID, attempts: [], skipped: 0 })).toEqual([]);
    expect(['', '{', 'null', '{"tenantId":1}'].map(decodeMessage)).toEqual([null, null, null, null]);
  });
});
