import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { VERSION } from './version.js';

const BEARER = "A tenant's key, `ph_…`, an access token of `POST /oauth/token`, or the token of a portal link.";
const SESSION =
  "A browser's session of `POST /api/v1/session`; by https the cookie is `__Host-posthaste_session`. Requests that are no GET " +
  'need the `csrf_token` as `X-CSRF-Token`.';

/** What an operation asks of its caller, in the document: `operator`, `any key`, `session`, or a scope. */
export const ACCESS_EXTENSION = 'x-access';

/** Every tag of a controller, in the order in which they are shown. */
const TAGS: Readonly<Record<string, string>> = {
  Events: 'Publishing, and what was published.',
  Endpoints: 'Where events go, how they are signed, and how that goes.',
  Deliveries: 'One event on its way to one endpoint, attempt by attempt.',
  'Dead letters': 'Deliveries that were given up, kept until somebody sees to them.',
  Replays: 'Many deliveries made anew.',
  Stats: 'Counts and latencies.',
  'API keys': "A tenant's keys.",
  OAuth2: 'Short-lived access tokens in place of a key.',
  'Portal links': "Short-lived access to a tenant's own data, for a person's browser.",
  Sessions: "A browser's, by cookie.",
  'Audit log': 'Who did what, when and from where.',
  Tenants: 'For the operator.',
  Health: 'For load balancers and orchestrators.',
  Operations: 'For the operator.',
};

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
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This installation')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: "A tenant's key, `ph_…`." }, 'api_key')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: BEARER }, 'bearer')
    .addCookieAuth('posthaste_session', { type: 'apiKey', in: 'cookie', description: SESSION }, 'session')
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
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (_controller, method) => method,
  });
  document.info.contact = { name: 'Whoever runs this installation' };
  document.tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  for (const operation of operationsOf(document)) operation.description = describe(operation);
  return document;
}

function operationsOf(document: OpenAPIObject): OperationObject[] {
  // A path holds nothing but operations here.
  return Object.values(document.paths).flatMap((path) => Object.values(path) as OperationObject[]);
}

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']> & { [ACCESS_EXTENSION]?: string };

/** Who may call it stands in each description: security schemes can't name the scopes of a key. */
function describe({ summary = '', description, security = [], [ACCESS_EXTENSION]: access }: OperationObject): string {
  const told = [description ?? `${summary}.`, accessOf(access, security.length > 0)];
  return told.join('\n\n');
}

function accessOf(access: string | undefined, hasSecurity: boolean): string {
  if (access === 'operator' || (access === undefined && hasSecurity)) return "Needs the operator's key.";
  if (access === undefined) return 'Needs no key.';
  if (access === 'any key') return 'Needs the key or token of anybody, whatever it may do.';
  if (access === 'session') return 'Needs the session of a browser.';
  return `Needs the scope \`${access}\`, or the operator's key with \`X-Tenant-Id\`.`;
}

/** Swagger UI at `/docs`, the document at `/docs-json`. */
export function mountApiDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => createApiDocument(app), {
    customSiteTitle: 'Posthaste API',
    jsonDocumentUrl: 'docs-json',
    swaggerOptions: { persistAuthorization: true },
  });
}
