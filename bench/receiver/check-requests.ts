import { verifyWebhook } from '../../demo/verify-webhook.js';
import { ID_BYTES, type ReceivedRequests } from '../wire.js';
import { frameOf, headersOf, pathOf } from './request-framing.js';
import type { LoggedRequest, RequestLog } from './request-log.js';

interface CheckedRequest {
  id: string;
  endpoint: number;
  valid: boolean;
}

/** A path that is none of the benchmark's: whatever came there was sent astray. */
const UNKNOWN_ENDPOINT = 0xffff_ffff;

/**
 * Reads every request that was logged and checks its signature as a customer would.
 * @param secrets of the endpoints, by their number
 */
export function checkRequests(log: RequestLog, secrets: readonly string[]): ReceivedRequests {
  const ids = Buffer.alloc(log.count * ID_BYTES);
  const endpoints = new Uint32Array(log.count);
  const statuses = new Uint16Array(log.count);
  const valid = new Uint8Array(log.count);
  const firstByteAt = new Float64Array(log.count);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const tookSeconds = process.uptime();
  let n = 0;
  for (const logged of log.entries()) {
    const checked = checkRequest(logged, secrets, nowSeconds, tookSeconds);
    ids.write(checked.id, n * ID_BYTES, ID_BYTES, 'latin1');
    endpoints[n] = checked.endpoint;
    statuses[n] = logged.status;
    valid[n] = checked.valid ? 1 : 0;
    firstByteAt[n] = logged.firstByteAt;
    n += 1;
  }
  return { ids, endpoints, statuses, valid, firstByteAt };
}

function checkRequest(
  { bytes }: LoggedRequest,
  secrets: readonly string[],
  nowSeconds: number,
  tookSeconds: number,
): CheckedRequest {
  const frame = frameOf(bytes);
  if (frame === null) return { id: '', endpoint: UNKNOWN_ENDPOINT, valid: false };
  const headers = headersOf(bytes, frame);
  const endpoint = Number(/^\/(?:ok|flaky|slow)\/(\d+)$/.exec(pathOf(bytes))?.[1] ?? UNKNOWN_ENDPOINT);
  const secret = secrets[endpoint];
  // The check comes after the run: the timestamp may be as old as the run, and not older than a receiver allows.
  const age = nowSeconds - Number(headers['webhook-timestamp']);
  const checkedAt = age > 0 && age <= tookSeconds ? Number(headers['webhook-timestamp']) : nowSeconds;
  const body = bytes.subarray(frame.bodyStart, frame.end);
  const valid = secret !== undefined && verifyWebhook(headers, body, [secret], checkedAt).valid;
  return { id: headers['webhook-id'] ?? '', endpoint, valid };
}
