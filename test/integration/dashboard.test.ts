import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mountDashboard } from '../../src/admin/dashboard.js';
import { ApiApp } from '../support/api-app.js';
import { makeTempFolder } from '../support/temp-folder.js';

const PAGE = '<!doctype html><title>Posthaste</title>';
const BROWSER = { accept: 'text/html,application/xhtml+xml' };

describe('the dashboard', () => {
  const folder = makeTempFolder();
  let api: ApiApp;
  afterAll(() => rm(folder, { recursive: true }));
  const get = (url: string, headers: Record<string, string> = BROWSER, method: 'GET' | 'POST' = 'GET') =>
    api.app.inject({ method, url, headers });

  describe('that is built', () => {
    beforeAll(async () => {
      await mkdir(join(folder, 'assets'));
      await writeFile(join(folder, 'index.html'), PAGE);
      await writeFile(join(folder, 'theme.js'), 'theme');
      await writeFile(join(folder, 'assets/main-abc123.js'), 'main');
      api = await ApiApp.start({ mount: (app) => mountDashboard(app, folder) });
    });
    afterAll(() => api.close());

    it.each(['/', '/?window=1h', '/deliveries', '/deliveries/01a2?x=y', '/events/order.42'])(
      'is the page at %s, which is asked for anew and may run its own scripts only',
      async (url) => {
        const answer = await get(url);
        expect([answer.statusCode, answer.body]).toEqual([200, PAGE]);
        expect(answer.headers).toMatchObject({
          'content-type': 'text/html; charset=utf-8',
          'cache-control': 'no-cache',
          'content-security-policy': expect.stringContaining("default-src 'self'") as string,
          'x-frame-options': 'DENY',
        });
        expect(answer.headers['content-security-policy']).not.toContain('script-src');
      },
    );

    it('has files that are kept for good when their names change with them, and asked for anew when not', async () => {
      const [hashed, named] = [await get('/assets/main-abc123.js', {}), await get('/theme.js', {})];
      expect([hashed.body, hashed.headers['cache-control']]).toEqual(['main', 'public, max-age=31536000, immutable']);
      expect([named.body, named.headers['cache-control']]).toEqual(['theme', 'no-cache']);
      expect(hashed.headers['x-content-type-options']).toBe('nosniff');
    });

    it.each([
      '/api/v1/nothing',
      '/api',
      '/docs/nothing',
      '/queues/nothing',
      '/metrics/nothing',
      '/health/nothing',
      '/oauth/nothing',
      '/assets/main-old.js',
      '/assets/old',
    ])('is no page at %s', async (url) => {
      const answer = await get(url);
      expect(answer.statusCode).toBe(404);
      expect(answer.headers['content-type']).toContain('application/problem+json');
    });

    it('gives nothing away that lies beside it', async () => {
      for (const url of ['/..%2fpackage.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json']) {
        expect((await get(url, { accept: '*/*' })).statusCode).toBe(404);
      }
    });

    it('is for browsers: a program that misses its way is told so', async () => {
      expect((await get('/deliveries', { accept: 'application/json' })).statusCode).toBe(404);
      expect((await get('/deliveries', BROWSER, 'POST')).statusCode).toBe(404);
    });
  });

  describe('that is not built', () => {
    beforeAll(async () => {
      api = await ApiApp.start({ mount: (app) => mountDashboard(app, join(folder, 'missing')) });
    });
    afterAll(() => api.close());

    it('says so, and what to do', async () => {
      const answer = await get('/');
      expect(answer.statusCode).toBe(503);
      expect(answer.body).toContain('npm run build');
    });
  });
});
