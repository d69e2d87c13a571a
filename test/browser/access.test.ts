import type { Locator, Page } from 'playwright-core';
import type { TenantClient } from '../support/api-client.js';
import { describeInBrowser, signIn, WIDEST, WIDTHS, type Tab, type TestBrowser } from '../support/browser.js';
import { closeTab, lookAt } from '../support/browser-looks.js';
import { useInstallation } from '../support/installation.js';

const MINUTE = 60_000;

interface Traffic {
  endpointId: string;
  eventId: string;
  deliveryId: string;
}

describeInBrowser('who may do what in the dashboard', (browser) => {
  const installation = useInstallation({ backend: 'postgres' });
  let acme: TenantClient;
  let globex: TenantClient;
  let ofAcme: Traffic;
  let ofGlobex: Traffic;
  const base = (): string => installation.posthaste.url;

  beforeAll(async () => {
    const { operator } = installation.posthaste;
    acme = await operator.createTenant({ name: 'Acme' });
    globex = await operator.createTenant({ name: 'Globex' });
    ofAcme = await deliver(acme, installation.hooks.url('/acme'));
    ofGlobex = await deliver(globex, installation.hooks.url('/globex'));
  }, 3 * MINUTE);

  const signedIn = async (key: string, path = '', options?: Parameters<TestBrowser['openTab']>[0]): Promise<Tab> => {
    const tab = await browser.openTab(options);
    await signIn(tab.page, base(), key);
    await tab.page.goto(base() + path);
    return tab;
  };
  const button = (within: Page | Locator, name: string): Locator => within.getByRole('button', { name, exact: true });
  const newKey = (page: Page): Locator => page.getByRole('dialog').getByRole('status', { name: 'API key' });
  const rowOf = (page: Page, prefix: string): Locator =>
    page.getByRole('row').filter({ has: page.getByText(prefix, { exact: false }) });
  const open = async (page: Page, key: string, action: string): Promise<void> => {
    await rowOf(page, prefixOf(key))
      .getByRole('button', { name: /^Actions for/ })
      .click();
    await page.getByRole('menuitem', { name: action }).click();
    await page.getByRole('dialog').waitFor();
  };
  const statusOf = async (key: string, path: string): Promise<number> =>
    (await acme.call('GET', path, { headers: { 'x-api-key': key } })).status;

  it(
    'creates a key with few scopes and an end, and shows it once',
    async () => {
      const tab = await signedIn(acme.key, '', { permissions: ['clipboard-read', 'clipboard-write'] });
      const { page } = tab;
      await page.getByRole('link', { name: 'API keys' }).click();
      await button(page, 'Create a key').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('reporting');
      for (const box of await dialog.getByRole('checkbox').all()) await box.uncheck();
      expect(await button(dialog, 'Create it').isDisabled()).toBe(true);
      await dialog.getByLabel('events:read').check();
      await dialog.getByLabel('Expires').fill('2099-12-31T12:00');
      await button(dialog, 'Create it').click();
      const key = await newKey(page).innerText();
      await button(dialog, 'Copy').click();
      await button(dialog, 'Copied').waitFor();
      expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(key);
      await button(dialog, 'I have it').click();
      await dialog.waitFor({ state: 'detached' });

      const row = rowOf(page, prefixOf(key));
      await row.getByText('events:read', { exact: true }).waitFor();
      await row.getByText('Active', { exact: true }).waitFor();
      expect(await page.content()).not.toContain(key);
      expect(await statusOf(key, '/events')).toBe(200);
      expect(await statusOf(key, '/endpoints')).toBe(403);
      const keys = await acme.list<{ name: string; expires_at: string | null }>('/api-keys');
      const { expires_at: expiresAt } = keys.find(({ name }) => name === 'reporting') ?? {};
      expect(expiresAt).toBe(new Date('2099-12-31T12:00').toISOString());
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'rotates a key, both of which are good for the overlap',
    async () => {
      const { key: old } = await acme.post<{ key: string }>('/api-keys', { name: 'shop' });
      const tab = await signedIn(acme.key, '/api-keys');
      const { page } = tab;
      await open(page, old, 'Rotate');
      await page.getByLabel('The old key lives on for').selectOption('An hour');
      await button(page, 'Rotate it').click();
      const successor = await newKey(page).innerText();
      await button(page, 'I have it').click();
      await rowOf(page, prefixOf(old)).getByText('Replaced').waitFor();
      await rowOf(page, prefixOf(successor)).getByText('Active', { exact: true }).waitFor();
      for (const key of [old, successor]) expect(await statusOf(key, '/events')).toBe(200);
      // It happens once a key.
      await rowOf(page, prefixOf(old))
        .getByRole('button', { name: /^Actions for/ })
        .click();
      await page.getByRole('menuitem', { name: 'Revoke' }).waitFor();
      expect(await page.getByRole('menuitem', { name: 'Rotate' }).count()).toBe(0);
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'revokes a key, but asks before',
    async () => {
      const { key } = await acme.post<{ key: string }>('/api-keys', { name: 'lost laptop' });
      const tab = await signedIn(acme.key, '/api-keys');
      const { page } = tab;
      await open(page, key, 'Revoke');
      await button(page, 'Keep it as it is').click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect(await statusOf(key, '/events')).toBe(200);
      await open(page, key, 'Revoke');
      await button(page, 'Revoke it').click();
      const row = rowOf(page, prefixOf(key));
      await row.getByText('Revoked', { exact: true }).waitFor();
      expect(await row.getByRole('button').count()).toBe(0);
      expect(await statusOf(key, '/events')).toBe(401);
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'offers to give no more than the caller has',
    async () => {
      const { key } = await acme.post<{ key: string }>('/api-keys', {
        name: 'keeper',
        scopes: ['keys:write', 'events:read'],
      });
      const tab = await signedIn(key, '/api-keys');
      const { page } = tab;
      await button(page, 'Create a key').click();
      await page.getByLabel('keys:write').waitFor();
      expect(await page.getByRole('checkbox').count()).toBe(2);
      await button(page, 'Close').click();
      await button(page, 'Make a portal link').click();
      await page.getByLabel('events:read').waitFor();
      expect(await page.getByRole('checkbox').count()).toBe(1);
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'has no pages of keys for those who may not give out any',
    async () => {
      const { key } = await acme.post<{ key: string }>('/api-keys', { name: 'reader', scopes: ['events:read'] });
      const tab = await signedIn(key);
      const { page } = tab;
      await page.getByRole('link', { name: 'Events' }).waitFor();
      for (const name of ['API keys', 'Audit log']) expect(await page.getByRole('link', { name }).count()).toBe(0);
      for (const path of ['/api-keys', '/audit-log', '/tenants', '/system']) {
        await page.goto(base() + path);
        await page.getByText('There is no such page').waitFor();
      }
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'makes a portal link, which lets a person see its tenant and nothing else',
    async () => {
      const owner = await signedIn(acme.key, '/api-keys');
      await button(owner.page, 'Make a portal link').click();
      const dialog = owner.page.getByRole('dialog');
      expect(await dialog.getByLabel('events:write').isChecked()).toBe(false);
      await dialog.getByLabel('Good for').selectOption('15 minutes');
      await button(dialog, 'Make the link').click();
      const link = await dialog.getByRole('status', { name: 'Portal link' }).innerText();
      await closeTab(owner);

      const visitor = await browser.openTab();
      const { page } = visitor;
      await page.goto(`${base()}/${new URL(link).hash}`);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.getByText('Acme', { exact: true }).waitFor();
      await page.goto(`${base()}/deliveries/${ofAcme.deliveryId}`);
      await page.getByText('Delivered', { exact: true }).waitFor();
      for (const name of ['API keys', 'Audit log', 'Tenants', 'System', 'All tenants']) {
        expect(await page.getByRole('link', { name, exact: true }).count()).toBe(0);
      }
      for (const path of ['/api-keys', '/audit-log', '/tenants', `/tenants/${acme.id}`, '/system']) {
        await page.goto(base() + path);
        await page.getByText('There is no such page').waitFor();
      }
      expect(visitor.complaints).toEqual([]);

      // By the same cookie, but from here: a browser calls each refusal an error of the page.
      const ask = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
        (await page.context().request.get(`${base()}/api/v1${path}`, { headers })).status();
      expect(await ask(`/deliveries/${ofAcme.deliveryId}`)).toBe(200);
      const { endpointId, eventId, deliveryId } = ofGlobex;
      for (const path of [
        `/deliveries/${deliveryId}`,
        `/deliveries/${deliveryId}/attempts`,
        `/events/${eventId}`,
        `/endpoints/${endpointId}`,
        `/endpoints/${endpointId}/secret`,
        `/endpoints/${endpointId}/health`,
      ]) {
        expect([path, await ask(path)]).toEqual([path, 404]);
      }
      for (const path of ['/api-keys', '/audit-log', '/tenants', `/tenants/${globex.id}`, '/system']) {
        expect([path, await ask(path)]).toEqual([path, 403]);
      }
      // Which tenant it is stands in the cookie, whatever else is asked for.
      expect(await ask(`/deliveries/${deliveryId}`, { 'x-tenant-id': globex.id })).not.toBe(200);
      await page.goto(`${base()}/deliveries/${deliveryId}`);
      await page.getByText('Not found').first().waitFor();
      await page.context().close();
    },
    4 * MINUTE,
  );

  it(
    "shows the tenant's own audit log, and the operator any tenant's",
    async () => {
      const tab = await signedIn(globex.key, '/audit-log');
      await tab.page.getByRole('cell', { name: 'Endpoint created' }).waitFor();
      expect(await tab.page.getByRole('cell', { name: 'Portal link made' }).count()).toBe(0);
      await closeTab(tab);

      const operators = await signedIn(installation.posthaste.adminKey, `/t/${globex.id}/audit-log`);
      const { page } = operators;
      await page.getByRole('cell', { name: 'Endpoint created' }).waitFor();
      await page.getByRole('link', { name: 'API keys' }).click();
      await page.getByRole('cell', { name: 'default ph_' }).waitFor();
      await page.getByRole('link', { name: "This tenant's settings" }).click();
      await page.getByRole('heading', { name: 'Globex' }).waitFor();
      await closeTab(operators);
    },
    3 * MINUTE,
  );

  it(
    'looks well in both schemes at every width, without barriers, dialogs and menus open too',
    async () => {
      const { id } = await globex.post<{ id: string }>('/api-keys', { name: 'old backend', scopes: ['events:write'] });
      await globex.post(`/api-keys/${id}/rotate`, { overlap_seconds: 3_600 });
      const { id: gone } = await globex.post<{ id: string }>('/api-keys', { name: 'former partner' });
      await globex.delete(`/api-keys/${gone}`);
      const found = await lookAt(
        browser,
        async ({ page }, look) => {
          const show = async (path: string): Promise<void> => {
            await page.goto(base() + path);
            await page.getByRole('row').nth(1).waitFor();
          };
          await signIn(page, base(), globex.key);
          await show('/api-keys');
          await look('api-keys');
          await button(page, 'Create a key').click();
          await page.getByLabel('Name').fill('picture');
          await look('api-key-create');
          await button(page, 'Create it').click();
          await button(page, 'I have it').waitFor();
          await look('api-key-created');
          await button(page, 'I have it').click();
          await button(page, 'Make a portal link').click();
          await look('portal-link-make');
          await button(page, 'Make the link').click();
          await button(page, 'I have it').waitFor();
          await look('portal-link-made');
          await button(page, 'I have it').click();
          await page.getByRole('dialog').waitFor({ state: 'detached' });
          for (const [name, action] of Object.entries({ 'api-key-rotate': 'Rotate', 'api-key-revoke': 'Revoke' })) {
            await page
              .getByRole('row')
              .filter({ hasText: 'picture' })
              .first()
              .getByRole('button', { name: /^Actions for/ })
              .click();
            await page.getByRole('menuitem', { name: action }).waitFor();
            if (action === 'Rotate') await look('api-key-menu');
            await page.getByRole('menuitem', { name: action }).click();
            await page.getByRole('dialog').waitFor();
            await look(name);
            await button(page, 'Close').click();
            await page.getByRole('dialog').waitFor({ state: 'detached' });
          }
          await show('/audit-log');
          await look('audit-log');
          await button(page, 'API key rotated').click();
          await page.getByRole('dialog').waitFor();
          await look('audit-entry');
        },
        [WIDEST, ...WIDTHS],
      );
      expect(found).toEqual([]);
    },
    15 * MINUTE,
  );
});

/** As the list shows it. */
const prefixOf = (key: string): string => key.slice(0, 11);

/** An event that has arrived. */
async function deliver(tenant: TenantClient, url: string): Promise<Traffic> {
  const { id: endpointId } = await tenant.createEndpoint(url);
  const { id: eventId } = await tenant.publish();
  const [delivery] = await tenant.settled(eventId);
  return { endpointId, eventId, deliveryId: delivery?.id ?? '' };
}
