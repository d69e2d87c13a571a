import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { CallerTenant } from '../api-keys/caller.js';
import type { Actor } from '../audit/actor.js';
import { notFound } from '../common/domain-error.js';
import { Config } from '../config/config.js';
import { localUrl } from '../embedded/launcher-settings.js';
import { EndpointsService } from '../endpoints/endpoints.service.js';
import { Endpoint } from '../endpoints/endpoint.entity.js';
import { EventsService } from '../events/events.service.js';
import { Tenant } from '../tenants/tenant.entity.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { DEMO_ENDPOINTS, DEMO_TENANT_EMAIL, demoEvent } from './demo-endpoints.js';
import type { DemoDto } from './demo.dto.js';

const LASTS_MS = 90_000;
const EVENT_EVERY_MS = 300;

/** Something to see on an empty installation: a tenant with endpoints of each kind, and events for a while. */
@Injectable()
export class DemoService implements OnModuleDestroy {
  private readonly logger = new Logger(DemoService.name);
  private starting: Promise<DemoDto> | null = null;
  private timer: NodeJS.Timeout | undefined;
  private sent = 0;

  constructor(
    @InjectDataSource() private readonly db: DataSource,
    private readonly tenants: TenantsService,
    private readonly endpoints: EndpointsService,
    private readonly events: EventsService,
    private readonly config: Config,
  ) {}

  /**
   * While it runs, asking again changes nothing; afterwards it goes on with the same tenant.
   * @throws DomainError `not_found` but in the embedded start, whose receiver the events go to
   */
  start(actor: Actor): Promise<DemoDto> {
    if (!this.config.serveDemo) throw notFound('route');
    this.starting ??= this.begin(actor).catch((error: unknown) => {
      this.starting = null;
      throw error;
    });
    return this.starting;
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async begin(actor: Actor): Promise<DemoDto> {
    const tenantId = await this.findOrCreateTenant(actor);
    await this.createMissingEndpoints(tenantId, actor);
    const until = new Date(Date.now() + LASTS_MS);
    this.timer = setInterval(() => {
      if (Date.now() > until.getTime()) {
        clearInterval(this.timer);
        this.starting = null;
      } else {
        this.sendOne(tenantId);
      }
    }, EVENT_EVERY_MS);
    return { tenant_id: tenantId, until };
  }

  private async findOrCreateTenant(actor: Actor): Promise<string> {
    const known = await this.db.getRepository(Tenant).findOneBy({ email: DEMO_TENANT_EMAIL });
    return known?.id ?? (await this.tenants.create(actor, { name: 'Demo', email: DEMO_TENANT_EMAIL })).id;
  }

  private async createMissingEndpoints(tenantId: string, actor: Actor): Promise<void> {
    const url = (kind: string): string =>
      `${localUrl({ host: this.config.host, tls: false }, this.config.port)}/demo/receiver/${kind}`;
    const known = await this.db.getRepository(Endpoint).findBy({ tenantId });
    for (const [kind, settings] of Object.entries(DEMO_ENDPOINTS)) {
      if (known.some((endpoint) => endpoint.url === url(kind))) continue;
      await this.endpoints.create(tenantId, actor, { ...settings, url: url(kind) });
    }
  }

  private sendOne(tenantId: string): void {
    const tenant: CallerTenant = { id: tenantId, status: 'active', rateLimit: null, requireSignedPublish: false };
    const headers = { idempotencyKey: undefined, traceparent: undefined, signature: undefined, requestId: 'demo' };
    this.events
      .publish(tenant, Buffer.from(JSON.stringify(demoEvent(this.sent++))), headers, () => undefined)
      .catch((error: unknown) => this.logger.debug({ err: error }, 'A demo event was not taken'));
  }
}
