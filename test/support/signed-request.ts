import { signatureHeaders } from '../../src/signing/signature.js';

/** What the receivers of the documents are tried with: text beyond ASCII, and JSON that another serialiser would write otherwise. */
export const DELIVERED_BODY = '{"id":"evt-1","type":"order.created","data":{"name":"grüße", "total": 1.0}}';

/** The headers that sign {@link DELIVERED_BODY} as the event `evt-1`. @param secrets the current one first */
export function signedHeaders(secrets: string[], ageSeconds = 0): Record<string, string> {
  return signatureHeaders({
    scheme: 'standard',
    secrets,
    id: 'evt-1',
    timestampSeconds: Math.floor(Date.now() / 1000) - ageSeconds,
    body: Buffer.from(DELIVERED_BODY),
  });
}
