import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, QueryDeepPartialEntity } from 'typeorm';
import { notFound, validationFailed } from '../common/domain-error.js';
import { isUuid, newId } from '../common/ids.js';
import { newestFirst } from '../common/newest-first.js';
import { toPage, type Page, type PageQueryDto } from '../common/pagination.js';
import { cancelOfEndpoint } from '../deliveries/cancel-of-endpoint.query.js';
import { releaseDisabled } from '../deliveries/release-held.query.js';
import { readRetryPolicy } from '../deliveries/retry-policy.dto.js';
import { forgetCircuit } from './forget-circuit.query.js';
import { generateSecret } from '../signing/webhook-secret.js';
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
import { Endpoint } from './endpoint.entity.js';
import { presentEndpoint } from './endpoint.presenter.js';
import { findEndpoint, lockEndpoint } from './find-endpoint.js';

@Injectable()
export class EndpointsService {
  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly secrets: EndpointSecrets,
    private readonly urlCheck: EndpointUrlCheck,
  ) {}

  async create(tenantId: string, dto: CreateEndpointDto): Promise<CreatedEndpointDto> {
    const id = newId();
    const signature = dto.signature ?? 'standard';
    if (dto.secret !== undefined) refuseInvalidSecret(signature, dto.secret);
    const secret = dto.secret ?? (signature === 'sha256' ? null : generateSecret(signature));
    const settings = this.settingsOf(id, dto);
    await this.urlCheck.check(dto.url);
    await this.db.getRepository(Endpoint).insert({
      id,
      tenantId,
      ...settings,
      signature,
      secretSealed: secret === null ? null : this.secrets.sealSecret(id, secret),
    });
    return { ...(await this.get(tenantId, id)), secret };
  }

  async list(tenantId: string, query: PageQueryDto): Promise<Page<EndpointDto>> {
    const endpoints = this.db.getRepository(Endpoint).createQueryBuilder('endpoint').where({ tenantId });
    return toPage(await newestFirst(endpoints, query).getMany(), query.limit, presentEndpoint);
  }

  async get(tenantId: string, id: string): Promise<EndpointDto> {
    return presentEndpoint(await findEndpoint(this.db.manager, tenantId, id));
  }

  /** Enabling lets out what waited; another signature that the secret doesn't fit makes a new one, told in the answer. */
  async update(tenantId: string, id: string, dto: UpdateEndpointDto): Promise<UpdatedEndpointDto> {
    if (!isUuid(id)) throw notFound('endpoint');
    // The stored id is in lower case, and what is sealed is bound to it.
    const settings = this.settingsOf(id.toLowerCase(), dto);
    if (dto.url !== undefined) await this.urlCheck.check(dto.url);
    const newSecret = await this.db.transaction(async (manager) => {
      const endpoint = await lockEndpoint(manager, tenantId, id);
      const secret = this.secretForChange(endpoint, dto);
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
      return secret;
    });
    const updated = await this.get(tenantId, id);
    return newSecret === undefined ? updated : { ...updated, secret: newSecret };
  }

  /** What waits for it is cancelled at once, what is under way by the worker. */
  async remove(tenantId: string, id: string): Promise<void> {
    if (!isUuid(id)) throw notFound('endpoint');
    await this.db.transaction(async (manager) => {
      const { affected } = await manager.delete(Endpoint, { tenantId, id });
      if (affected === 0) throw notFound('endpoint');
      await cancelOfEndpoint(manager, id);
    });
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
    };
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
