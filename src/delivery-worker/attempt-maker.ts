import { Injectable } from '@nestjs/common';
import { newIdAfter } from '../common/ids.js';
import { VERSION } from '../common/version.js';
import { AttemptSender } from '../sending/attempt-sender.js';
import { Tracing } from '../tracing/tracing.js';
import { buildDeliveryRequest, maskHeaders } from '../sending/delivery-request.js';
import type { LoadedDelivery } from './load.query.js';
import type { MadeAttempt } from './record.query.js';
import { SigningMaterials } from './signing-material.js';

/** Signs and sends. */
@Injectable()
export class AttemptMaker {
  constructor(
    private readonly materials: SigningMaterials,
    private readonly sender: AttemptSender,
    private readonly tracing: Tracing,
  ) {}

  /**
   * @param delivery with its payload and endpoint
   * @param loadedAt when it was loaded, on the monotonic clock
   * @throws what is our own fault: a secret that can't be opened, no more file descriptors
   */
  async make(delivery: LoadedDelivery, loadedAt: number): Promise<MadeAttempt> {
    const { keys, headers, tls } = this.materials.of(delivery);
    const attributes = {
      tenant_id: delivery.tenant_id,
      event_id: delivery.event_id,
      delivery_id: delivery.id,
      endpoint_id: delivery.endpoint_id,
      attempt: delivery.attempts + 1,
    };
    const sinceMs = performance.now() - loadedAt;
    const span = this.tracing.start('deliver', { kind: 'consumer', parent: delivery.traceparent, attributes, sinceMs });
    const attemptSpan = span?.child('attempt', 'client', attributes);
    const request = buildDeliveryRequest({
      event: {
        id: delivery.event_id,
        eventType: delivery.event_type as string,
        source: delivery.source,
        createdAt: delivery.event_created_at as Date,
        payload: delivery.payload as string,
        // The receiver's spans become children of the attempt that they belong to.
        traceparent: attemptSpan?.traceparent ?? delivery.traceparent,
      },
      endpoint: { url: delivery.url as string, headers, format: delivery.format },
      signingKeys: keys,
      attempt: delivery.attempts + 1,
      // The database's clock and what has passed since: a worker's own may be off by more than receivers tolerate.
      timestampSeconds: Math.floor((delivery.now_ms + performance.now() - loadedAt) / 1_000),
      userAgentVersion: VERSION,
    });
    const result = await this.sender
      .send({ url: request.url, headers: request.headers, body: request.body, timeoutMs: delivery.timeout_ms, tls })
      .catch((error: unknown) => {
        attemptSpan?.end('fault');
        span?.end('fault');
        throw error;
      });
    attemptSpan?.end(result.error?.code);
    const requestHeaders = maskHeaders(request.headers, delivery.header_names);
    return { id: newIdAfter(delivery.id), url: request.url, requestHeaders, result, span };
  }
}
