import { Injectable } from '@nestjs/common';
import type { QueryDeepPartialEntity } from 'typeorm';
import type { Actor } from '../audit/actor.js';
import { changesBetween } from '../audit/changes.js';
import { recordAction } from '../audit/record-action.query.js';
import { notFound, validationFailed } from '../common/domain-error.js';
import { isUuid, newId } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import { TenantDatabase } from '../database/tenant-database.js';
import { cancelOfEndpoint } from '../deliveries/cancel-of-endpoint.query.js';
import { releaseDisabled } from '../deliveries/release-held.query.js';
import { readRetryPolicy } from '../deliveries/retry-policy.dto.js';
import { Rollup } from '../stats/rollup.service.js';
import { forgetCircuit } from './forget-circuit.query.js';
import { generateSecret } from '../signing/webhook-secret.js';
import { AUDITED_FIELDS } from './audited-fields.js';
import { readHeaders } from './endpoint-headers.js';
import { EndpointSecrets, fitsScheme, refuseInvalidSecret } from './endpoint-secrets.service.js';
import { EndpointUrlCheck } from './endpoint-url-check.service.js';
import type {
  CreatedEndpointDto,
  CreateEndpointDto,
  EndpointDto,
  UpdatedEndpointDto,
  UpdateEndpointDto,
} from './endpoint.dto.js';
import { readTls, refuseTlsWithoutHttps } from './endpoint-tls.js';
import { Endpoint, type EndpointCertificates } from './endpoint.entity.js';
import { presentEndpoint } from './endpoint.presenter.js';
import { findEndpoint, lockEndpoint } from './find-endpoint.js';

@Injectable()
export class EndpointsService {
  constructor(
    private readonly db: TenantDatabase,
    private readonly secrets: EndpointSecrets,
    private readonly urlCheck: EndpointUrlCheck,
    private readonly rollup: Rollup,
  ) {}

  async create(tenantId: string, actor: Actor, dto: CreateEndpointDto): Promise<CreatedEndpointDto> {
    const id = newId();
    const signature = dto.signature ?? 'standard';
    if (dto.secret !== undefined) refuseInvalidSecret(signature, dto.secret);
    const secret = dto.secret ?? (signature === 'sha256' ? null : generateSecret(signature));
    const settings = this.settingsOf(id, dto);
    refuseTlsWithoutHttps(dto.url, settings.tls as EndpointCertificates | null | undefined);
    await this.urlCheck.check(dto.url);
    const created = await this.db.inTenant(tenantId, async (manager) => {
      await manager.insert(Endpoint, {
        id,
        tenantId,
        ...settings,
        signature,
        secretSealed: secret === null ? null : this.secrets.sealSecret(id, secret),
      });
      const endpoint = await findEndpoint(manager, tenantId, id);
      const changes = changesBetween(null, endpoint, AUDITED_FIELDS);
      await recordAction(manager, actor, { tenantId, action: 'endpoint.created', subjectId: id, changes });
      return endpoint;
    });
    return { ...presentEndpoint(created), secret };
  }

  async list(tenantId: string, query: PageQueryDto): Promise<Page<EndpointDto>> {
    const endpoints = await this.db.inTenant(tenantId, (manager) =>
      newestFirst(manager.createQueryBuilder(Endpoint, 'endpoint').where({ tenantId }), query).getMany(),
    );
    return toPage(endpoints, query.limit, presentEndpoint);
  }

  async get(tenantId: string, id: string): Promise<EndpointDto> {
    return presentEndpoint(await this.db.inTenant(tenantId, (manager) => findEndpoint(manager, tenantId, id)));
  }

  /** Enabling lets out what waited; another signature that the secret doesn't fit makes a new one, told in the answer. */
  async update(tenantId: string, actor: Actor, id: string, dto: UpdateEndpointDto): Promise<UpdatedEndpointDto> {
    // Before anything is said about the settings: what is wrong with them is no matter at an endpoint that isn't there. And
    // outside the transaction, which must not wait for a name server.
    const { id: storedId } = await this.db.inTenant(tenantId, (manager) => findEndpoint(manager, tenantId, id));
    // In lower case, which what is sealed is bound to.
    const settings = this.settingsOf(storedId, dto);
    if (dto.url !== undefined) await this.urlCheck.check(dto.url);
    const { updated, newSecret } = await this.db.inTenant(tenantId, async (manager) => {
      const endpoint = await lockEndpoint(manager, tenantId, id);
      const secret = this.secretForChange(endpoint, dto);
      const tls = settings.tls as EndpointCertificates | null | undefined;
      refuseTlsWithoutHttps(dto.url ?? endpoint.url, tls === undefined ? endpoint.tls : tls);
      await manager.update(
        Endpoint,
        { tenantId, id: endpoint.id },
        {
          ...settings,
          ...(dto.is_active === undefined || dto.is_active === endpoint.isActive ? {} : { disabledReason: null }),
          ...(secret === undefined ? {} : { secretSealed: this.secrets.sealSecret(endpoint.id, secret) }),
          updatedAt: () => 'now()',
        },
      );
      if (dto.is_active === true) await releaseDisabled(manager, endpoint.id);
      // What failed before says nothing about another address, or about one that somebody has just seen to.
      const isNew = dto.url !== undefined && dto.url !== endpoint.url;
      if (isNew || (dto.is_active === true && !endpoint.isActive)) await forgetCircuit(manager, endpoint.id);
      const after = await findEndpoint(manager, tenantId, endpoint.id);
      const changes = changesBetween(endpoint, after, AUDITED_FIELDS);
      await recordAction(manager, actor, { tenantId, action: 'endpoint.updated', subjectId: endpoint.id, changes });
      return { updated: presentEndpoint(after), newSecret: secret };
    });
    return newSecret === undefined ? updated : { ...updated, secret: newSecret };
  }

  /** What waits for it is cancelled at once, what is under way by the worker. */
  async remove(tenantId: string, actor: Actor, id: string): Promise<void> {
    if (!isUuid(id)) throw notFound('endpoint');
    const cancelled = await this.db.inTenant(tenantId, async (manager) => {
      const { affected } = await manager.delete(Endpoint, { tenantId, id });
      if (affected === 0) throw notFound('endpoint');
      await recordAction(manager, actor, { tenantId, action: 'endpoint.deleted', subjectId: id });
      return cancelOfEndpoint(manager, id);
    });
    this.rollup.settled(tenantId, 'cancelled', cancelled);
  }

  /** The columns that the request sets; those it leaves out are undefined. */
  private settingsOf(id: string, dto: UpdateEndpointDto): QueryDeepPartialEntity<Endpoint> {
    const headers = readHeaders(dto.headers);
    return {
      url: dto.url,
      description: dto.description,
      eventTypes: dto.event_types && [...new Set(dto.event_types)],
      isActive: dto.is_active,
      ...(headers === undefined
        ? {}
        : { headersSealed: this.secrets.sealHeaders(id, headers), headerNames: Object.keys(headers ?? {}) }),
      rateLimit: dto.rate_limit,
      timeoutMs: dto.timeout_ms,
      retryPolicy: readRetryPolicy(dto.retry_policy),
      signature: dto.signature,
      format: dto.format,
      ...this.tlsColumns(id, dto),
    };
  }

  private tlsColumns(id: string, dto: UpdateEndpointDto): Pick<Partial<Endpoint>, 'tls' | 'tlsKeySealed'> {
    const tls = readTls(dto.tls, new Date());
    if (tls === undefined) return {};
    return { tls: tls && tls.certificates, tlsKeySealed: this.secrets.sealTlsKey(id, tls && tls.clientKey) };
  }

  /** The secret that a change of the signature brings with it; undefined: the one there is stays. */
  private secretForChange(endpoint: Endpoint, { signature, secret }: UpdateEndpointDto): string | undefined {
    if (signature === undefined || signature === endpoint.signature) {
      if (secret === undefined) return undefined;
      throw validationFailed([
        { field: 'secret', message: 'can only be set with another signature; rotate it instead' },
      ]);
    }
    if (secret !== undefined) {
      refuseInvalidSecret(signature, secret);
      return secret;
    }
    // The tenant's key, which an endpoint without a secret of its own signs with, is for `sha256` alone.
    if (endpoint.secretSealed === null) return generateSecret(signature);
    const current = this.secrets.openSecret(endpoint.id, endpoint.secretSealed);
    return fitsScheme(signature, current) ? undefined : generateSecret(signature);
  }
}
