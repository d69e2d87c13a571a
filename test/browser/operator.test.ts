import type { Locator, Page } from 'playwright-core';
import type { TenantClient } from '../support/api-client.js';
import { describeInBrowser, signIn, WIDEST, WIDTHS, type Tab } from '../support/browser.js';
import { closeTab, lookAt } from '../support/browser-looks.js';
import { useInstallation } from '../support/installation.js';

const MINUTE = 60_000;

describeInBrowser("the dashboard of an installation's operator", (browser) => {
  const installation = useInstallation({ backend: 'postgres' });
  let acme: TenantClient;
  const base = (): string => installation.posthaste.url;
  const operator = (): typeof installation.posthaste.operator => installation.posthaste.operator;

  beforeAll(async () => {
    acme = await operator().createTenant({ name: 'Acme' });
    await acme.createEndpoint(installation.hooks.url('/acme'));
    await acme.settled((await acme.publish()).id);
  }, 3 * MINUTE);

  const signedIn = async (path = ''): Promise<Tab> => {
    const tab = await browser.openTab();
    await signIn(tab.page, base(), installation.posthaste.adminKey);
    await tab.page.goto(base() + path);
    return tab;
  };
  const button = (within: Page | Locator, name: string): Locator => within.getByRole('button', { name, exact: true });

  it(
    'creates a tenant, whose first key is shown once and signs in',
    async () => {
      const tab = await signedIn('/tenants');
      const { page } = tab;
      await button(page, 'Create a tenant').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Globex');
      await dialog.getByLabel('Events a minute, at most').fill('120');
      await button(dialog, 'Create it').click();
      const key = await dialog.getByRole('status', { name: 'API key, with all scopes' }).innerText();
      expect(await dialog.getByRole('status', { name: 'Secret key' }).innerText()).toMatch(/^whsec_/);
      await dialog.getByRole('link', { name: 'Its settings' }).click();
      await page.getByRole('heading', { name: 'Globex' }).waitFor();
      await page.getByText('Up to 120 a minute').waitFor();
      expect(await page.content()).not.toContain(key);
      await closeTab(tab);

      const theirs = await browser.openTab();
      await signIn(theirs.page, base(), key);
      await theirs.page.getByRole('heading', { name: 'Overview' }).waitFor();
      await theirs.page.getByText('Globex').waitFor();
      await closeTab(theirs);
    },
    3 * MINUTE,
  );

  it(
    'says at the field what the API refuses',
    async () => {
      const { page } = await signedIn('/tenants');
      await button(page, 'Create a tenant').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Initech');
      // Good enough for a browser.
      await dialog.getByLabel('Email').fill('ops@initech');
      await button(dialog, 'Create it').click();
      await dialog.getByRole('alert').waitFor();
      expect(await dialog.getByLabel('Email').getAttribute('aria-invalid')).toBe('true');
      await page.context().close();
    },
    3 * MINUTE,
  );

  it(
    'suspends a tenant, which can publish nothing until it is resumed',
    async () => {
      const tab = await signedIn('/tenants');
      const { page } = tab;
      await page.getByRole('link', { name: 'Settings of Acme' }).click();
      await page.getByRole('heading', { name: 'Acme' }).waitFor();
      await button(page, 'Suspend').click();
      await button(page.getByRole('dialog'), 'Suspend it').click();
      await page.getByText('Suspended', { exact: true }).waitFor();
      const refused = await acme.call('POST', '/events', { body: { event_type: 'order.created', payload: {} } });
      expect(refused.status).toBe(403);

      await button(page, 'Resume').click();
      await page.getByText('Active', { exact: true }).waitFor();
      const [delivery] = await acme.settled((await acme.publish()).id);
      expect(delivery?.status).toBe('succeeded');
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'changes the limits of a tenant, and takes one away',
    async () => {
      const tab = await signedIn(`/tenants/${acme.id}`);
      const { page } = tab;
      await button(page, 'Edit').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Events a minute, at most').fill('');
      await dialog.getByLabel('Attempts a second, at most').fill('25');
      await dialog.getByLabel('Retries').selectOption('standard');
      await button(dialog, 'Save').click();
      await dialog.waitFor({ state: 'detached' });
      await page.getByText('Up to 25 a second').waitFor();
      await page.getByText('No limit', { exact: true }).waitFor();
      expect(await operator().get(`/tenants/${acme.id}`)).toMatchObject({
        rate_limit: null,
        delivery_rate_limit: 25,
        retry_policy: { preset: 'standard' },
        retention_days: null,
      });
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'deletes a tenant only after its name was typed',
    async () => {
      const doomed = await operator().createTenant({ name: 'Hooli' });
      const tab = await signedIn(`/tenants/${doomed.id}`);
      const { page } = tab;
      await button(page, 'Delete the tenant').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox').fill('Hool');
      expect(await button(dialog, 'Delete it for ever').isDisabled()).toBe(true);
      await dialog.getByRole('textbox').fill('Hooli');
      await button(dialog, 'Delete it for ever').click();
      await page.getByRole('heading', { name: 'Tenants' }).waitFor();
      await page.getByRole('link', { name: 'Hooli', exact: true }).waitFor({ state: 'detached' });
      expect((await operator().call('GET', `/tenants/${doomed.id}`)).status).toBe(404);
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'shows the last day of each tenant, and how the installation is',
    async () => {
      const tab = await signedIn('/tenants');
      const { page } = tab;
      const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'Acme', exact: true }) });
      await row.getByText('100%').waitFor();
      await page.getByRole('link', { name: 'System' }).click();
      await page.getByText('1 of 1').waitFor();
      await page.getByText('Oldest delivery that is due').waitFor();
      await page.getByText('Jobs in the queue').waitFor();
      const board = await page.getByRole('link', { name: "The queue's board" }).getAttribute('href');
      // With the cookie of this session.
      const answer = await page.context().request.get(base() + (board ?? ''));
      expect(answer.status()).toBe(200);
      expect(answer.headers()['content-type']).toContain('text/html');
      await closeTab(tab);
    },
    3 * MINUTE,
  );

  it(
    'looks up in the audit log who did what, by filters in the address and page by page',
    async () => {
      const { id } = await operator().createTenant({ name: 'Umbrella' });
      for (let limit = 1; limit <= 51; limit += 1) await operator().patch(`/tenants/${id}`, { rate_limit: limit });
      await operator().patch(`/tenants/${id}`, { status: 'suspended' });
      const tab = await signedIn('/audit-log');
      const { page } = tab;
      await page.getByLabel('What', { exact: true }).selectOption('Tenant changed');
      await page.getByLabel('To what, by id').fill(id);
      await page.getByLabel('To what, by id').press('Enter');
      await page.getByRole('cell', { name: 'Tenant suspended' }).first().waitFor({ state: 'detached' });
      await button(page, 'Older').click();
      await page.getByRole('row').nth(2).waitFor({ state: 'detached' });
      const { searchParams } = new URL(page.url());
      expect([...searchParams.keys()].sort()).toEqual(['action', 'cursor', 'subject_id']);
      await button(page, 'Newer').click();
      await page.getByRole('row').nth(50).waitFor();

      await page.goto(`${base()}/audit-log?action=tenant.suspended&subject_id=${id}`);
      await page.getByRole('cell', { name: 'Umbrella' }).waitFor();
      await button(page, 'Tenant suspended').click();
      const change = page.getByRole('dialog').getByRole('row').filter({ hasText: 'status' });
      await change.getByText('active').waitFor();
      await change.getByText('suspended').waitFor();
      await closeTab(tab);
    },
    4 * MINUTE,
  );

  it(
    'looks well in both schemes at every width, without barriers, dialogs open too',
    async () => {
      const { id } = await operator().createTenant({ name: 'Wayne', rate_limit: 120 });
      await operator().patch(`/tenants/${id}`, { status: 'suspended', rate_limit: 240 });
      const found = await lookAt(
        browser,
        async ({ page }, look) => {
          const open = async (path: string): Promise<void> => {
            await page.goto(base() + path);
            await page.locator('h1').waitFor();
          };
          await signIn(page, base(), installation.posthaste.adminKey);
          await open('/tenants');
          await page.getByRole('link', { name: 'Acme', exact: true }).waitFor();
          await look('tenants');
          await button(page, 'Create a tenant').click();
          await page.getByLabel('Name').fill('Stark');
          await look('tenant-create');
          await button(page, 'Create it').click();
          await page.getByRole('link', { name: 'Its settings' }).waitFor();
          await look('tenant-created');
          await open(`/tenants/${acme.id}`);
          await button(page, 'Edit').waitFor();
          await look('tenant');
          for (const [name, action] of Object.entries({
            'tenant-edit': 'Edit',
            'tenant-suspend': 'Suspend',
            'tenant-delete': 'Delete the tenant',
          })) {
            await button(page, action).click();
            await page.getByRole('dialog').waitFor();
            await look(name);
            await button(page, 'Close').click();
          }
          await open('/system');
          await page.getByText('Workers alive').waitFor();
          await look('system');
          await open('/audit-log');
          await page.getByRole('row').nth(1).waitFor();
          await look('operator-audit-log');
          await open(`/audit-log?action=tenant.suspended&subject_id=${id}`);
          await button(page, 'Tenant suspended').click();
          await look('operator-audit-entry');
        },
        [WIDEST, ...WIDTHS],
      );
      expect(found).toEqual([]);
    },
    15 * MINUTE,
  );
});
