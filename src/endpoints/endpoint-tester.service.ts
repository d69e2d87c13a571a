import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.js';
import { recordAction } from '../audit/record-action.query.js';
import { newId } from '../common/ids.js';
import { traceparentFrom } from '../common/traceparent.js';
import { VERSION } from '../common/version.js';
import { TenantDatabase } from '../database/tenant-database.js';
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
    private readonly db: TenantDatabase,
    private readonly secrets: EndpointSecrets,
    private readonly sender: AttemptSender,
  ) {}

  /**
   * Disabled endpoints too: one wants to know that it works before it is enabled. Written down before it is sent: a request
   * can't be taken back, so none may go out of which nobody would know.
   */
  async test(tenantId: string, actor: Actor, id: string): Promise<AttemptDto> {
    const { endpoint, tenantSecretSealed } = await this.db.inTenant(tenantId, async (manager) => {
      const found = await findEndpoint(manager, tenantId, id);
      await recordAction(manager, actor, { tenantId, action: 'endpoint.tested', subjectId: found.id });
      return { endpoint: found, tenantSecretSealed: await sealedTenantSecretOf(manager, tenantId) };
    });
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
    const tls = this.secrets.openTls(endpoint);
    const result = await this.sender.send({ ...request, timeoutMs: endpoint.timeoutMs, tls });
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
