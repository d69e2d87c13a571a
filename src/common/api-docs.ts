import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from './version.js';

/** OpenAPI 3.1 of every controller. */
export function createApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Posthaste')
    .setDescription(
      'Webhook delivery: an event posted is an event delivered. Failures are `application/problem+json` (RFC 9457); ' +
        'lists are `{data, next_cursor}`, newest first.',
    )
    .setVersion(VERSION)
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: "A tenant's key, `ph_…`." }, 'api_key')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: "A tenant's key, `ph_…`." }, 'bearer')
    .addApiKey(
      {
        type: 'apiKey',
        in: 'header',
        name: 'X-API-Key',
        description: "The operator's key. On a tenant's routes it acts for the tenant named in `X-Tenant-Id`.",
      },
      'operator',
    )
    .build();
  return SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
  });
}

/** Swagger UI at `/docs`, the document at `/docs-json`. */
export function mountApiDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => createApiDocument(app), {
    customSiteTitle: 'Posthaste API',
    jsonDocumentUrl: 'docs-json',
    swaggerOptions: { persistAuthorization: true },
  });
}
