import { setTimeout as delay } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { newId } from '../../src/common/ids.js';
import { ATTEMPTS_CHANNEL, encodeMessages, type StreamedAttempt } from '../../src/stream/attempt-message.js';
import { TOLD_PER_SECOND } from '../../src/stream/sample.js';
import type { TenantClient } from '../support/api-client.js';
import { describeInBrowser, keepScreenshot, type Tab } from '../support/browser.js';
import { closeTab, openSignedIn } from '../support/browser-looks.js';
import { EventReader } from '../support/event-reader.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';
import { Road } from '../support/road.js';

jest.setTimeout(400_000);

/** Or more, on a machine that takes its time to look at it. */
const FLOOD = 10_000;
const AT_ONCE = 100;
const EVERY_MS = 100;

/** What the page says of numbers: `1,234 since you opened this page, 1,000 of them only counted.` */
async function countedBy(page: Page): Promise<{ total: number; skipped: number }> {
  const text = (await page.locator('header').getByText('since you opened this page').textContent()) ?? '';
  const numbers = [...text.matchAll(/[\d,]+(?= since you opened| of them only)/g)];
  const [total = 0, skipped = 0] = numbers.map(([number]) => Number(number.replaceAll(',', '')));
  return { total, skipped };
}

const rowsOf = (page: Page): Locator =>
  page.getByRole('list', { name: 'Attempts, newest first' }).getByRole('listitem');

describeInBrowser('the live feed', (browser) => {
  const installation = useInstallation({ backend: 'postgres', env: { SERVE_DEMO: 'true' } });
  let acme: TenantClient;
  let endpointId: string;

  // First: it is about an installation that is empty.
  it('comes alive with demo events on an empty installation, and the overview has the failing endpoint first', async () => {
    const { url, adminKey } = installation.posthaste;
    const tab = await openSignedIn(browser, url, adminKey);
    const { page } = tab;
    await page.getByText('There is no tenant yet').waitFor();
    await page.getByRole('button', { name: 'Send demo events' }).click();
    await page.getByRole('heading', { name: 'Live feed' }).waitFor();
    expect(new URL(page.url()).pathname).toMatch(/^\/t\/[0-9a-f-]{36}\/live$/);
    for (const outcome of ['Delivered', 'Retrying', 'Dead letter']) {
      await rowsOf(page).getByText(outcome, { exact: true }).first().waitFor();
    }
    await keepScreenshot(page, 'live-demo-1280-light');
    await page.getByRole('link', { name: 'Overview' }).click();
    const endpoints = page.locator('section', { has: page.getByRole('heading', { name: 'Endpoints' }) });
    const first = endpoints.getByRole('listitem').first();
    await first.filter({ hasText: '/demo/receiver/failing' }).getByText('0.0% succeeded', { exact: true }).waitFor();
    await closeTab(tab);
  });

  describe('of a tenant', () => {
    beforeAll(async () => {
      acme = await installation.posthaste.operator.createTenant({ name: 'Acme' });
      endpointId = (await acme.createEndpoint(installation.hooks.url('/ok'))).id;
    });

    const attempt = (values: Partial<StreamedAttempt> = {}): StreamedAttempt => ({
      id: newId(),
      delivery_id: newId(),
      event_id: newId(),
      event_type: 'order.created',
      endpoint_id: endpointId,
      attempt: 1,
      outcome: 'succeeded',
      status_code: 200,
      error: null,
      duration_ms: 12,
      at: new Date().toISOString(),
      delivery_status: 'succeeded',
      ...values,
    });
    const dead = (event_type: string): StreamedAttempt =>
      attempt({ event_type, outcome: 'failed', status_code: 500, error: 'HTTP 500', delivery_status: 'dead_letter' });

    /** As workers do, so that as many as it takes can be told of whatever this machine could deliver. */
    async function tell(attempts: StreamedAttempt[]): Promise<void> {
      const messages = encodeMessages({ tenantId: acme.id, attempts, skipped: 0 });
      await installation.posthaste.query(`SELECT pg_notify($1, message) FROM unnest($2::text[]) AS message`, [
        ATTEMPTS_CHANNEL,
        messages,
      ]);
    }

    /** @param url default: the API's own */
    async function openFeed(url = installation.posthaste.url): Promise<Tab> {
      const tab = await openSignedIn(browser, url, acme.key);
      await tab.page.goto(`${url}/live`);
      await tab.page.getByText('Live', { exact: true }).waitFor();
      // The API begins to listen when the first reader comes: what is told before that is told to nobody.
      const first = rowsOf(tab.page).first();
      await waitFor(
        async () => {
          await tell([attempt({ event_type: 'probe.first' })]);
          return (await first.count()) > 0;
        },
        { what: 'the feed to be heard' },
      );
      // Those told one after the other come in that order: after this one no probe is still under way.
      await tell([attempt({ event_type: 'probe.last' })]);
      await rowsOf(tab.page).getByText('probe.last').waitFor();
      return tab;
    }

    it('counts a thousand attempts a second, shows a sample of them and says so, and can be used meanwhile', async () => {
      const tab = await openFeed();
      const { page } = tab;
      const before = await countedBy(page);
      const startedAt = performance.now();
      let told = 0;
      let isLookedAt = false;
      const flood = (async () => {
        for (; told < FLOOD || !isLookedAt; told += AT_ONCE) {
          await tell(Array.from({ length: AT_ONCE }, (_, n) => (n === 0 ? dead('invoice.sent') : attempt())));
          await delay(Math.max(0, startedAt + (told / AT_ONCE) * EVERY_MS - performance.now()));
        }
      })();
      try {
        await page.getByText('this is a sample of them').waitFor();

        await page.getByRole('button', { name: 'Pause' }).click();
        await page.getByText('since you paused it').waitFor();
        const shown = await rowsOf(page).allTextContents();
        const { total } = await countedBy(page);
        await waitFor(async () => (await countedBy(page)).total > total, {
          what: 'it to go on counting',
        });
        expect(await rowsOf(page).allTextContents()).toEqual(shown);
        expect(shown.length).toBeLessThanOrEqual(200);
        await page.getByRole('button', { name: 'Go on' }).click();
        await keepScreenshot(page, 'live-flood-1280-light');
      } finally {
        isLookedAt = true;
        await flood;
      }
      const whole = before.total + told;
      await waitFor(async () => (await countedBy(page)).total >= whole, {
        what: 'all to be counted',
      });
      const seconds = (performance.now() - startedAt) / 1_000;
      const after = await countedBy(page);
      expect(after.total).toBe(whole);
      // The burst that a reader begins with, and then so many a second, whatever is told.
      const oneByOne = after.total - after.skipped - (before.total - before.skipped);
      expect(oneByOne).toBeLessThanOrEqual((seconds + 1) * TOLD_PER_SECOND);
      expect(after.skipped).toBeGreaterThan(0);
      expect(await rowsOf(page).count()).toBeLessThanOrEqual(200);
      expect(await page.getByText('Attempts were missed').count()).toBe(0);
      await closeTab(tab);
    });

    it('keeps what its filters ask for, however much else comes', async () => {
      const tab = await openFeed();
      const { page } = tab;
      await page.getByLabel('Outcome').selectOption('Dead letter');
      expect(new URL(page.url()).searchParams.get('outcome')).toBe('dead');
      await rowsOf(page).getByText('probe.last').waitFor({ state: 'detached' });
      await tell([dead('refund.created')]);
      await rowsOf(page).getByText('refund.created').waitFor();
      // More of the others than the list holds, in portions that are all told.
      const { total } = await countedBy(page);
      for (let portion = 1; portion <= 10; portion += 1) {
        await tell(Array.from({ length: 25 }, () => attempt()));
        await waitFor(async () => (await countedBy(page)).total === total + portion * 25, {
          what: 'the portion to be counted',
        });
      }
      expect(await rowsOf(page).count()).toBe(1);
      await page.reload();
      await page.getByText('None like this yet').waitFor();
      expect(await page.getByLabel('Outcome').inputValue()).toBe('dead');
      await closeTab(tab);
    });

    it('comes back after its connection broke, with what it missed, and says when that is lost', async () => {
      const road = await Road.to(installation.posthaste.url);
      // Another reader: of a tenant without any, what was told is kept for a moment only.
      const other = await EventReader.open(installation.posthaste.url, acme.key);
      const tab = await openFeed(road.url);
      const { page } = tab;
      road.cut();
      await page.getByText('Reconnecting').waitFor();
      await tell([attempt({ event_type: 'while.away' })]);
      road.mend();
      await rowsOf(page).getByText('while.away').waitFor();
      await page.getByText(/^Live/, { exact: false }).first().waitFor();
      expect(await page.getByText('Attempts were missed').count()).toBe(0);

      await installation.posthaste.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'posthaste-notifications' AND datname = current_database()`,
      );
      await page.getByText('Attempts were missed').waitFor();
      await waitFor(
        async () => {
          await tell([attempt({ event_type: 'after.gap' })]);
          return (await rowsOf(page).getByText('after.gap').count()) > 0;
        },
        { what: 'attempts to be told again' },
      );
      other.close();
      await closeTab(tab, 'net::ERR_');
      await road.close();
    });
  });
});
