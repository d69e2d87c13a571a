import type { Page } from 'playwright-core';
import { LATENCY_BUCKETS } from '../../src/stats/latency-buckets.js';
import type { EndpointBody, TenantClient } from '../support/api-client.js';
import { describeInBrowser, SCHEMES, WIDEST, WIDTHS } from '../support/browser.js';
import { closeTab, lookAtPage, openSignedIn, type LookOptions } from '../support/browser-looks.js';
import { useInstallation } from '../support/installation.js';

jest.setTimeout(600_000);

const SCRIPT = '<script>document.title = "hacked"</script>';

describeInBrowser("a tenant's pages", (browser) => {
  const installation = useInstallation({
    backend: 'postgres',
    env: { DEFAULT_RETRY_POLICY: '{"max_attempts":1,"schedule_seconds":[0]}' },
  });
  let acme: TenantClient;
  let broken: EndpointBody;
  let paths: Record<string, string>;

  beforeAll(async () => {
    acme = await installation.posthaste.operator.createTenant({ name: 'Acme' });
    const { hooks } = installation;
    hooks.respond('/broken', () => ({ status: 503, body: SCRIPT }));
    broken = await acme.createEndpoint(hooks.url('/broken'), { event_types: ['order.*'], description: 'The old shop' });
    const good = await acme.createEndpoint(hooks.url(`/a/long/path/that/has/no/end/${'x'.repeat(60)}`));
    await acme.createEndpoint(hooks.url('/off'), { is_active: false, event_types: ['invoice.*', 'customer.*'] });
    const events = [];
    for (const event_type of ['order.created', 'order.paid', 'invoice.sent']) {
      const event = await acme.publish({ event_type, event_id: `acme-${event_type}`, payload: { note: SCRIPT } });
      events.push(event);
    }
    const [event] = events;
    await acme.settled(event?.id ?? '');
    const failed = (await acme.deliveriesOf(event?.id ?? '')).find(({ endpoint_id }) => endpoint_id === broken.id);
    for (const [endpointId, failures] of [
      [broken.id, 3],
      [good.id, 40],
    ] as const) {
      await countADay(endpointId, failures);
    }
    paths = {
      overview: '/overview',
      live: '/live',
      events: '/events',
      event: `/events/${event?.id}`,
      deliveries: '/deliveries',
      delivery: `/deliveries/${failed?.id}`,
      endpoints: '/endpoints',
      endpoint: `/endpoints/${broken.id}`,
      'dead-letters': '/dead-letters',
      'not-found': '/deliveries/none',
    };
  }, 300_000);

  /** As if there had been traffic for a day, of which every n-th attempt failed. */
  async function countADay(endpointId: string, everyNth: number): Promise<void> {
    const { posthaste } = installation;
    const counts = `greatest(0, 40 + 30 * sin(n / 90.0) + n % 7)::int`;
    const buckets = `ARRAY(SELECT greatest(0, 20 - abs(b - 22))::int FROM generate_series(1, ${LATENCY_BUCKETS}) b)`;
    const minutes = `generate_series(2, 1435) n, LATERAL (SELECT date_trunc('minute', now()) - n * interval '1 minute' AS at) m`;
    await posthaste.query(
      `INSERT INTO attempt_minutes (tenant_id, endpoint_id, minute, succeeded, failed, latency_counts)
       SELECT $1, $2, at, ${counts}, (${counts} / $3::int)::int, ${buckets} FROM ${minutes}`,
      [acme.id, endpointId, everyNth],
    );
    await posthaste.query(
      `INSERT INTO tenant_minutes (tenant_id, minute, events, deliveries, succeeded, dead_letter, cancelled,
         attempts_succeeded, attempts_failed, latency_counts)
       SELECT $1, at, ${counts}, ${counts}, ${counts}, 0, 0, ${counts}, (${counts} / $2::int)::int, ${buckets} FROM ${minutes}
       ON CONFLICT (tenant_id, minute) DO UPDATE SET
         attempts_failed = tenant_minutes.attempts_failed + excluded.attempts_failed`,
      [acme.id, everyNth],
    );
  }

  /** Dialogs by what opens them, on the page that is open. */
  async function lookAtDialogs(page: Page, look: (name: string) => Promise<void>): Promise<void> {
    const { url } = installation.posthaste;
    const dialog = page.getByRole('dialog');
    const lookInside = async (name: string): Promise<void> => {
      await dialog.waitFor();
      await look(name);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    };
    await page.goto(`${url}/endpoints`);
    await page.getByRole('button', { name: 'Add an endpoint' }).click();
    await dialog.getByLabel('Retries').selectOption('long');
    await lookInside('endpoint-create');
    await page.goto(url + (paths.endpoint ?? ''));
    await page.getByRole('button', { name: 'Edit' }).click();
    await lookInside('endpoint-edit');
    await page.getByRole('button', { name: 'Replay' }).click();
    await lookInside('endpoint-replay');
    await page.getByRole('button', { name: 'Send a test' }).click();
    await dialog.getByText('HTTP 503').first().waitFor();
    await lookInside('endpoint-test');
    await page.goto(`${url}/dead-letters`);
    await page.getByRole('button', { name: 'order.created' }).click();
    await dialog.getByRole('region', { name: 'Payload' }).waitFor();
    await lookInside('dead-letter');
    await page.getByRole('button', { name: 'Retry all that match' }).click();
    await lookInside('dead-letters-retry');
    await page.getByRole('button', { name: 'Resolve all that match' }).click();
    await lookInside('dead-letters-resolve');
  }

  it.each(SCHEMES.flatMap((colorScheme) => WIDTHS.map((width) => [colorScheme, width] as const)))(
    'look well and have no barriers, %s at %i px, dialogs open too',
    async (colorScheme, width) => {
      const { url } = installation.posthaste;
      const options = { colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' } as const;
      const found: string[] = [];
      const lookIn =
        (page: Page) =>
        async (name: string): Promise<void> => {
          found.push(...(await lookAtPage(page, { name, width, colorScheme } satisfies LookOptions)));
        };
      const stranger = await browser.openTab(options);
      await stranger.page.goto(url);
      await stranger.page.getByLabel('Key').waitFor();
      await lookIn(stranger.page)('sign-in');
      await closeTab(stranger);

      const tab = await openSignedIn(browser, url, acme.key, options);
      const { page } = tab;
      for (const [name, path] of Object.entries(paths)) {
        await page.goto(url + path);
        await lookIn(page)(name);
      }
      await lookAtDialogs(page, lookIn(page));
      expect(found).toEqual([]);
      // Of the page that is meant not to be found.
      await closeTab(tab, '404');
    },
  );

  it(`fit ${WIDEST} px, in each window of the overview too`, async () => {
    const { url } = installation.posthaste;
    const viewport = { width: WIDEST, height: 1_080 };
    const tab = await openSignedIn(browser, url, acme.key, { viewport, reducedMotion: 'reduce' });
    const { page } = tab;
    const found: string[] = [];
    const windows = Object.fromEntries(
      ['1h', '7d'].map((window) => [`overview-${window}`, `/overview?window=${window}`]),
    );
    for (const [name, path] of Object.entries({ ...paths, ...windows })) {
      await page.goto(url + path);
      found.push(...(await lookAtPage(page, { name, width: WIDEST, colorScheme: 'light' })));
    }
    expect(found).toEqual([]);
    await closeTab(tab, '404');
  });

  it('have a picture of the last day for each endpoint, and figures for each window of the overview', async () => {
    const { url } = installation.posthaste;
    const tab = await openSignedIn(browser, url, acme.key);
    const { page } = tab;
    await page.goto(`${url}/endpoints`);
    const row = page.getByRole('row', { name: '/broken' });
    await row
      .getByRole('img', { name: /^In the last 24 hours [\d.K,]+ attempts succeeded and [1-9][\d.K,]* failed$/ })
      .waitFor();
    const idle = page.getByRole('row', { name: '/off' });
    await idle.getByRole('img', { name: 'In the last 24 hours 0 attempts succeeded and 0 failed' }).waitFor();

    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByText('p99', { exact: true }).waitFor();
    for (const window of ['1 hour', '7 days', '24 hours']) {
      await page.getByRole('button', { name: window }).click();
      await page.getByText(`in the last ${window}.`, { exact: false }).waitFor({ state: 'attached' });
    }
    const endpoints = page.locator('section', { has: page.getByRole('heading', { name: 'Endpoints' }) });
    expect(await endpoints.getByRole('listitem').first().textContent()).toContain('/broken');
    await closeTab(tab);
  });
});
