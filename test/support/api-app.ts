import { Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { ApiKeysController } from '../../src/api-keys/api-keys.controller.js';
import { ApiKeysModule } from '../../src/api-keys/api-keys.module.js';
import { AuthGuard } from '../../src/api-keys/auth.guard.js';
import { configureHttp, createHttpAdapter, HTTP_APP_OPTIONS } from '../../src/common/http-app.js';
import type { HttpLimits } from '../../src/common/http-limits.js';
import { AuditLogController } from '../../src/audit/audit-log.controller.js';
import { AuditModule } from '../../src/audit/audit.module.js';
import { SecretBoxModule } from '../../src/common/secret-box.module.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { Config } from '../../src/config/config.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { DeadLettersController } from '../../src/dead-letters/dead-letters.controller.js';
import { DeadLettersModule } from '../../src/dead-letters/dead-letters.module.js';
import { DeliveriesController } from '../../src/deliveries/deliveries.controller.js';
import { DeliveriesModule } from '../../src/deliveries/deliveries.module.js';
import { EndpointsController } from '../../src/endpoints/endpoints.controller.js';
import { EndpointsModule } from '../../src/endpoints/endpoints.module.js';
import { EventsReaderController } from '../../src/events/events-reader.controller.js';
import { EventsReader } from '../../src/events/events-reader.service.js';
import { OAuthController } from '../../src/oauth/oauth.controller.js';
import { OAuthModule } from '../../src/oauth/oauth.module.js';
import { PortalLinksController } from '../../src/portal-links/portal-links.controller.js';
import { PortalLinksModule } from '../../src/portal-links/portal-links.module.js';
import { ReplaysController } from '../../src/replays/replays.controller.js';
import { ReplaysModule } from '../../src/replays/replays.module.js';
import type { ResolveAll } from '../../src/sending/guarded-lookup.js';
import { RESOLVE_ALL } from '../../src/sending/sending.module.js';
import { SessionsController } from '../../src/sessions/sessions.controller.js';
import { SessionsModule } from '../../src/sessions/sessions.module.js';
import { TenantsController } from '../../src/tenants/tenants.controller.js';
import { TenantsModule } from '../../src/tenants/tenants.module.js';
import { createTestDatabase } from './database.js';

/** The management API without publishing, which needs a queue. */
@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    SecretBoxModule,
    ApiKeysModule,
    OAuthModule,
    SessionsModule,
    TenantsModule,
    PortalLinksModule,
    EndpointsModule,
    DeliveriesModule,
    DeadLettersModule,
    ReplaysModule,
    AuditModule,
  ],
  controllers: [
    TenantsController,
    PortalLinksController,
    ApiKeysController,
    OAuthController,
    SessionsController,
    EndpointsController,
    DeliveriesController,
    DeadLettersController,
    EventsReaderController,
    ReplaysController,
    AuditLogController,
  ],
  providers: [EventsReader, { provide: APP_GUARD, useClass: AuthGuard }],
})
class ManagementApiModule {}

export const OPERATOR_KEY = 'pha_operator-key-of-the-tests';

export interface Answer<Body = Record<string, unknown>> {
  status: number;
  headers: Record<string, string | string[] | number | undefined>;
  text: string;
  body: Body;
}

export interface CallOptions {
  /** Default: the operator's; null: none. */
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TestTenant {
  id: string;
  key: string;
  secretKey: string;
  call<Body = Record<string, unknown>>(method: Method, path: string, body?: unknown): Promise<Answer<Body>>;
}

/** Adds what is no controller. */
type Mount = (app: NestFastifyApplication) => Promise<void>;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';

/** A real application on a real database, called without a socket in between. */
export class ApiApp {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly db: DataSource,
    private readonly dropDatabase: () => Promise<void>,
  ) {}

  static async start(
    options: {
      config?: Partial<Config>;
      resolveAll?: ResolveAll;
      module?: Type;
      limits?: HttpLimits;
      mount?: Mount;
    } = {},
  ): Promise<ApiApp> {
    const database = await createTestDatabase();
    const config = Object.assign(new Config(), {
      databaseUrl: database.url,
      databasePoolSize: 5,
      // All tests knock from one address, and many of them with keys that are none.
      ipRateLimit: 0,
      authFailureLimit: 0,
      adminApiKey: OPERATOR_KEY,
      encryptionKey: randomBytes(32).toString('base64'),
      ...options.config,
    });
    const unresolvable: ResolveAll = () =>
      Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
    const compiled = await Test.createTestingModule({ imports: [options.module ?? ManagementApiModule] })
      .overrideProvider(Config)
      .useValue(config)
      .overrideProvider(RESOLVE_ALL)
      .useValue(options.resolveAll ?? unresolvable)
      .compile();
    const app = compiled.createNestApplication<NestFastifyApplication>(
      createHttpAdapter(config, { limits: options.limits }),
      {
        ...HTTP_APP_OPTIONS,
        logger: ['fatal'],
      },
    );
    configureHttp(app);
    await options.mount?.(app);
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return new ApiApp(app, app.get(DataSource), () => database.drop());
  }

  /** For tests that need a socket. Answers its address. */
  listen(): Promise<string> {
    return this.app.listen({ host: '127.0.0.1', port: 0 }).then(() => this.app.getUrl());
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.dropDatabase();
  }

  async call<Body = Record<string, unknown>>(
    method: Method,
    path: string,
    options: CallOptions = {},
  ): Promise<Answer<Body>> {
    const { key = OPERATOR_KEY, body, headers } = options;
    const answer = await this.app.inject({
      method,
      url: `/api/v1${path}`,
      headers: {
        ...(key === null ? {} : { 'x-api-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = answer.body;
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text,
      body: (text === '' ? {} : JSON.parse(text)) as Body,
    };
  }

  async createTenant(settings: Record<string, unknown> = {}): Promise<TestTenant> {
    const { status, body, text } = await this.call<{ id: string; api_key: string; secret_key: string }>(
      'POST',
      '/tenants',
      {
        body: { name: 'Acme', ...settings },
      },
    );
    if (status !== 201) throw new Error(`No tenant: ${text}`);
    const key = body.api_key;
    return {
      id: body.id,
      key,
      secretKey: body.secret_key,
      call: (method, path, requestBody) => this.call(method, path, { key, body: requestBody }),
    };
  }
}

/** The fields that a validation problem names, in order. */
export function refusedFields(answer: { body: object }): string[] {
  const { errors } = answer.body as { errors?: { field: string }[] };
  return (errors ?? []).map((error) => error.field).sort();
}
