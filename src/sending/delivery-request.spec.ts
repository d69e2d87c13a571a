import { Webhook } from 'standardwebhooks';
import { prepareSigningKeys } from '../signing/signature.js';
import { generateSecret } from '../signing/webhook-secret.js';
import {
  buildDeliveryRequest,
  type DeliveredEvent,
  type DeliveryRequestInput,
  maskHeaders,
  renderBody,
} from './delivery-request.js';

const SECRET = generateSecret('standard');
const EVENT: DeliveredEvent = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  eventType: 'order.created',
  source: null,
  createdAt: new Date('2024-05-01T12:00:00.5Z'),
  payload: '{ "b": 1.0, "a": 12345678901234567890,\n"b": "grüße" }',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

function inputWith(changes: Partial<DeliveryRequestInput> = {}): DeliveryRequestInput {
  return {
    event: EVENT,
    endpoint: { url: 'https://example.com/hook?x=1', headers: {}, format: 'envelope' },
    signingKeys: prepareSigningKeys('standard', [SECRET]),
    attempt: 3,
    timestampSeconds: Math.floor(Date.now() / 1000),
    userAgentVersion: '0.1.0',
    ...changes,
  };
}

describe('the delivery request', () => {
  it('wraps the payload, byte for byte, in an envelope without spaces', () => {
    expect(renderBody(EVENT, 'envelope')).toBe(
      `{"id":"${EVENT.id}","type":"order.created","timestamp":"2024-05-01T12:00:00.500Z","data":${EVENT.payload}}`,
    );
  });

  it('names the source after the type when there is one, escaped', () => {
    const body = renderBody({ ...EVENT, source: 'shop "1"\\\n', payload: 'null' }, 'envelope');
    expect(body).toContain('"type":"order.created","source":"shop \\"1\\"\\\\\\n","timestamp"');
    expect(Object.keys(JSON.parse(body) as object)).toEqual(['id', 'type', 'source', 'timestamp', 'data']);
  });

  it('sends the payload text alone in the payload format', () => {
    const request = buildDeliveryRequest(
      inputWith({ endpoint: { url: 'https://example.com/', headers: {}, format: 'payload' } }),
    );
    expect(request.body.toString()).toBe(EVENT.payload);
  });

  it('carries all headers of the contract and a signature over its own bytes', () => {
    const { url, headers, body } = buildDeliveryRequest(inputWith());
    expect(url).toBe('https://example.com/hook?x=1');
    expect(headers).toEqual({
      'content-type': 'application/json',
      'user-agent': 'Posthaste/0.1.0',
      'webhook-id': EVENT.id,
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/) as string,
      'webhook-signature': expect.stringMatching(/^v1,/) as string,
      'webhook-event-type': 'order.created',
      'webhook-attempt': '3',
      traceparent: EVENT.traceparent,
    });
    expect(() => new Webhook(SECRET).verify(body, headers)).not.toThrow();
  });

  it('leaves traceparent out when the event has none', () => {
    const { headers } = buildDeliveryRequest(inputWith({ event: { ...EVENT, traceparent: null } }));
    expect(headers).not.toHaveProperty('traceparent');
  });

  it("adds the endpoint's headers, which never replace ours", () => {
    const own = { 'X-Tenant': 'acme', 'Webhook-Id': 'forged', 'Content-Type': 'text/plain', 'Content-Length': '1' };
    const { headers } = buildDeliveryRequest(
      inputWith({ endpoint: { url: 'https://example.com/', headers: own, format: 'envelope' } }),
    );
    expect(headers).toMatchObject({ 'x-tenant': 'acme', 'webhook-id': EVENT.id, 'content-type': 'application/json' });
    expect(headers).not.toHaveProperty('content-length');
  });

  it('keeps the id over attempts and signs each anew', () => {
    const first = buildDeliveryRequest(inputWith({ attempt: 1, timestampSeconds: 1_700_000_000 }));
    const second = buildDeliveryRequest(inputWith({ attempt: 2, timestampSeconds: 1_700_000_060 }));
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.headers['webhook-signature']).not.toBe(first.headers['webhook-signature']);
    expect(second.body.equals(first.body)).toBe(true);
  });

  it('masks the named headers for the record, in any case of their letters', () => {
    const headers = { authorization: 'Bearer x', 'x-tenant': 'acme', 'webhook-id': '1' };
    expect(maskHeaders(headers, ['Authorization', 'X-TENANT', 'x-absent'])).toEqual({
      authorization: '***',
      'x-tenant': '***',
      'webhook-id': '1',
    });
  });
});
