// What row-level security costs a request: `npm run build && node bench/tenant-wall.mjs`. Requests are handled in this process,
// without a socket, one at a time, by turns with the wall and with the queries alone; PostgreSQL is a throw-away one.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { URL } from 'node:url';
import { DataSource } from 'typeorm';

const ROUNDS = 8;
const REQUESTS = 60;
const dist = (file) => import(new URL(`../dist/src/${file}`, import.meta.url).href);

const { EmbeddedPostgres } = await dist('embedded/embedded-postgres.js');
const { migrateDatabase } = await dist('database/migrate-database.js');
const { TenantDatabase } = await dist('database/tenant-database.js');
const folder = mkdtempSync(join(tmpdir(), 'posthaste-wall-'));
const server = new EmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings: {}, log: () => undefined });
const { url } = await server.start();
await migrateDatabase(url);
Object.assign(process.env, {
  DATABASE_URL: url,
  ADMIN_API_KEY: 'operator-key-of-the-bench',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  LOG_LEVEL: 'silent',
});
delete process.env.REDIS_URL;
const { ApiModule } = await dist('api.module.js');
const { configureHttp, createHttpAdapter, HTTP_APP_OPTIONS } = await dist('common/http-app.js');
const { loadConfig } = await dist('config/config.js');
const app = await NestFactory.create(ApiModule, createHttpAdapter(loadConfig()), {
  ...HTTP_APP_OPTIONS,
  logger: false,
});
configureHttp(app);
await app.init();
await app.getHttpAdapter().getInstance().ready();

const call = async (key, method, path, payload) => {
  const answer = await app.inject({ method, url: `/api/v1${path}`, headers: { 'x-api-key': key }, payload });
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.body}`);
  return answer.json();
};
const { api_key: key } = await call(process.env.ADMIN_API_KEY, 'POST', '/tenants', { name: 'Bench', rate_limit: null });
const endpoint = await call(key, 'POST', '/endpoints', { url: 'https://hooks.example.com/' });
for (let batch = 0; batch < 5; batch++) {
  const events = Array.from({ length: 1_000 }, (_, n) => ({ event_type: 'order.created', payload: { n } }));
  await call(key, 'POST', '/events/batch', { events });
}
const [delivery] = (await call(key, 'GET', '/deliveries?limit=1')).data;
await app.get(DataSource).query('ANALYZE');

const walled = TenantDatabase.prototype.inTenant;
const bare = (_tenantId, work) => work(app.get(DataSource).manager);
const PATHS = {
  'GET /endpoints/:id': `/endpoints/${endpoint.id}`,
  'GET /deliveries/:id': `/deliveries/${delivery.id}`,
  'GET /deliveries?limit=50': '/deliveries?limit=50',
  'GET /events?limit=50': '/events?limit=50',
  'GET /stats': '/stats',
};
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const rows = {};
for (const [route, path] of Object.entries(PATHS)) {
  const seen = { bare: { us: [], cpu: [] }, walled: { us: [], cpu: [] } };
  for (let round = -1; round < ROUNDS; round++) {
    for (const way of ['bare', 'walled']) {
      TenantDatabase.prototype.inTenant = way === 'bare' ? bare : walled;
      const cpu = process.cpuUsage();
      const us = [];
      for (let n = 0; n < REQUESTS; n++) {
        const begun = process.hrtime.bigint();
        await call(key, 'GET', path);
        us.push(Number(process.hrtime.bigint() - begun) / 1_000);
      }
      const { user, system } = process.cpuUsage(cpu);
      if (round < 0) continue;
      seen[way].us.push(median(us));
      seen[way].cpu.push((user + system) / REQUESTS);
    }
  }
  // Of the rounds the best: whatever else runs on the machine only adds.
  const [usBare, usWalled] = [Math.min(...seen.bare.us), Math.min(...seen.walled.us)];
  const [cpuBare, cpuWalled] = [Math.min(...seen.bare.cpu), Math.min(...seen.walled.cpu)];
  rows[route] = {
    'latency µs': Math.round(usBare),
    'with wall': Math.round(usWalled),
    'more %': Math.round((usWalled / usBare - 1) * 100),
    'Node CPU µs': Math.round(cpuBare),
    'CPU with wall': Math.round(cpuWalled),
    'CPU more %': Math.round((cpuWalled / cpuBare - 1) * 100),
  };
}
console.table(rows);
await app.close();
await server.stop();
rmSync(folder, { recursive: true, force: true });
