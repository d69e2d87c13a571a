import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { newId } from '../common/ids.js';
import { traceparentFrom } from '../common/traceparent.js';
import { VERSION } from '../common/version.js';
import type { AttemptDto } from '../deliveries/attempt.dto.js';
import { presentAttempt } from '../deliveries/attempt.presenter.js';
import { AttemptSender } from '../sending/attempt-sender.js';
import { buildDeliveryRequest, maskHeaders, renderBody } from '../sending/delivery-request.js';
import { prepareSigningKeys } from '../signing/signature.js';
import { sealedTenantSecretOf } from '../tenants/tenant-secret.js';
import { EndpointSecrets } from './endpoint-secrets.service.js';
import { findEndpoint } from './find-endpoint.js';

const SAMPLE_TYPE = 'posthaste.test';
const SAMPLE_PAYLOAD = JSON.stringify({ message: 'This is a test of this endpoint, sent by Posthaste.' });

/** Sends a sample event, signed and with the endpoint's headers as a delivery is. Stores nothing. */
@Injectable()
export class EndpointTester {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly secrets: EndpointSecrets,
    private readonly sender: AttemptSender,
  ) {}

  /** Disabled endpoints too: one wants to know that it works before it is enabled. */
  async test(tenantId: string, id: string): Promise<AttemptDto> {
    const endpoint = await findEndpoint(this.db.manager, tenantId, id);
    const tenantSecretSealed = await sealedTenantSecretOf(this.db.manager, tenantId);
    const createdAt = new Date();
    const event = {
      id: newId(),
      eventType: SAMPLE_TYPE,
      source: null,
      createdAt,
      payload: SAMPLE_PAYLOAD,
      traceparent: traceparentFrom(undefined),
    };
    const request = buildDeliveryRequest({
      event,
      endpoint: { url: endpoint.url, headers: this.secrets.openHeaders(endpoint), format: endpoint.format },
      signingKeys: prepareSigningKeys(
        endpoint.signature,
        this.secrets.signingSecrets(endpoint, tenantSecretSealed, createdAt),
      ),
      attempt: 1,
      timestampSeconds: Math.floor(createdAt.getTime() / 1_000),
      userAgentVersion: VERSION,
    });
    const result = await this.sender.send({ ...request, timeoutMs: endpoint.timeoutMs });
    const attempt = {
      ...result,
      id: newId(),
      deliveryId: newId(),
      attempt: 1,
      error: result.error?.message ?? null,
      url: request.url,
      requestHeaders: maskHeaders(request.headers, endpoint.headerNames),
      responseBody: result.statusCode === null ? null : result.responseBody,
      createdAt,
    };
    return presentAttempt(attempt, renderBody(event, endpoint.format));
  }
}
