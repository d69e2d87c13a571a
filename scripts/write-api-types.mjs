// npm run dashboard:types: writes the dashboard's types of the API from the compiled controllers, without a database.
// With --check it writes nothing and ends with 1 when they are out of date.
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import openapiTS, { astToString } from 'openapi-typescript';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiModule } from '../dist/src/api.module.js';
import { createApiDocument } from '../dist/src/common/api-docs.js';
import { API_PREFIX, UNPREFIXED_ROUTES } from '../dist/src/common/http-app.js';

const FILE = join(import.meta.dirname, '../dashboard/src/api/schema.d.ts');

// A preview makes no providers, and so opens no connection.
const app = await NestFactory.create(ApiModule, new FastifyAdapter(), { preview: true, logger: ['error'] });
app.setGlobalPrefix(API_PREFIX, { exclude: UNPREFIXED_ROUTES });
const document = JSON.parse(JSON.stringify(createApiDocument(app)));
const types = `// Written by \`npm run dashboard:types\` from the API's OpenAPI document.\n\n${astToString(await openapiTS(document))}`;

if (!process.argv.includes('--check')) writeFileSync(FILE, types);
else if (readFileSync(FILE, 'utf8') !== types) {
  console.error('dashboard/src/api/schema.d.ts is out of date: npm run build, then npm run dashboard:types.');
  process.exitCode = 1;
}
