import type { Page } from 'playwright-core';
import type { EndpointBody, TenantClient } from '../support/api-client.js';
import { describeInBrowser, type Tab } from '../support/browser.js';
import { closeTab, openSignedIn } from '../support/browser-looks.js';
import { useInstallation } from '../support/installation.js';
import { waitFor } from '../support/processes.js';

jest.setTimeout(400_000);

const SCRIPT = '<script>document.title = "hacked"</script>';
const LANGUAGES = ['Node.js', 'Python', 'Go', 'Ruby', 'PHP', 'Java'];
/** So few failures of one endpoint open no circuit, which would hold back the next ones. */
const LETTERS_EACH = 4;
const ENDPOINTS = 6;

describeInBrowser("what a tenant's developer does", (browser) => {
  const installation = useInstallation({
    backend: 'postgres',
    env: { DEFAULT_RETRY_POLICY: '{"max_attempts":1,"schedule_seconds":[0]}' },
  });
  let acme: TenantClient;
  beforeEach(async () => {
    acme = await installation.posthaste.operator.createTenant({ name: 'Acme' });
  });

  async function open(path: string): Promise<Tab> {
    const { url } = installation.posthaste;
    const tab = await openSignedIn(browser, url, acme.key);
    await tab.page.goto(url + path);
    await tab.page.locator('h1').waitFor();
    return tab;
  }
  const secretOf = async ({ id }: Pick<EndpointBody, 'id'>): Promise<string> =>
    (await acme.get<{ secret: string }>(`/endpoints/${id}/secret`)).secret;

  describe('with endpoints', () => {
    it('makes one with a schedule that it sees, tests and edits it, and rotates its secret', async () => {
      const { hooks } = installation;
      hooks.respond('/shop', () => ({ status: 200, body: SCRIPT }));
      const tab = await open('/endpoints');
      const { page } = tab;
      await page.getByText('No endpoints yet').waitFor();
      await page.getByRole('button', { name: 'Add an endpoint' }).click();
      const form = page.getByRole('dialog');
      await form.getByLabel('URL').fill('http://10.0.0.1/refused');
      await form.getByLabel('Event types').fill('order.*');
      await form.getByLabel('Retries').selectOption('long');
      await form.getByRole('img', { name: '10 attempts, the first at once' }).waitFor();
      await form.getByLabel('Retries').selectOption('schedule');
      await form.getByLabel('Seconds before each attempt').fill('0, 5, 60');
      await form.getByRole('img', { name: '3 attempts, the first at once, the last after 65 s' }).waitFor();
      await form.getByRole('button', { name: 'Add it' }).click();
      await form.getByRole('alert').waitFor();
      expect(await form.getByLabel('URL').getAttribute('aria-invalid')).toBe('true');

      await form.getByLabel('URL').fill(hooks.url('/shop'));
      await form.getByRole('button', { name: 'Add it' }).click();
      await page.getByRole('heading', { name: 'How to verify' }).waitFor();
      const [endpoint] = await acme.list<EndpointBody & { event_types: string[] }>('/endpoints');
      expect(endpoint).toMatchObject({
        url: hooks.url('/shop'),
        event_types: ['order.*'],
        retry_policy: { max_attempts: 3, schedule_seconds: [0, 5, 60] },
      });

      await page.getByRole('button', { name: 'Send a test' }).click();
      await page.getByRole('dialog').getByText('HTTP 200').waitFor();
      await page.getByRole('dialog').getByText(SCRIPT).waitFor();
      expect(await page.title()).not.toContain('hacked');
      await page.keyboard.press('Escape');
      expect(hooks.at('/shop')).toHaveLength(1);

      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('Description').fill('The shop');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Saved.', { exact: true }).first().waitFor();
      expect(await acme.get(`/endpoints/${endpoint?.id}`)).toMatchObject({
        description: 'The shop',
        timeout_ms: 15_000,
      });

      await verifiesBy(page, await secretOf(endpoint as EndpointBody));
      const before = await secretOf(endpoint as EndpointBody);
      await page.getByRole('button', { name: 'Rotate the secret' }).click();
      await page.getByText('There is a new secret.').first().waitFor();
      const after = await secretOf(endpoint as EndpointBody);
      expect(after).not.toBe(before);
      await page.getByRole('tab', { name: 'Node.js' }).click();
      await page.getByLabel('How to verify in Node.js').getByText(after).waitFor();
      await closeTab(tab, '422');
    });

    /** Each snippet holds the endpoint's own secret once that is shown, and not before. */
    async function verifiesBy(page: Page, secret: string): Promise<void> {
      expect(await page.content()).not.toContain(secret);
      await page.getByRole('button', { name: 'Show the secret' }).click();
      for (const language of LANGUAGES) {
        await page.getByRole('tab', { name: language }).click();
        await page.getByLabel(`How to verify in ${language}`).getByText(secret).waitFor();
      }
    }

    it('replays a time range and sees how far it is', async () => {
      const { hooks } = installation;
      const { id } = await acme.createEndpoint(hooks.url('/replayed'));
      const events = Array.from({ length: 25 }, () => ({ event_type: 'order.created', payload: { total: 1 } }));
      await acme.post('/events/batch', { events });
      await hooks.waitForRequests('/replayed', 25);
      const delivered = async (): Promise<number> =>
        (await acme.list<object>(`/deliveries?endpoint_id=${id}&status=succeeded`)).length;
      await waitFor(async () => (await delivered()) === 25, { what: 'all to be delivered' });

      const tab = await open(`/endpoints/${id}`);
      const { page } = tab;
      await page.getByRole('button', { name: 'Replay' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('What').selectOption('What was delivered');
      await dialog.getByRole('button', { name: 'Replay' }).click();
      await dialog.getByRole('progressbar', { name: 'Progress of the replay' }).waitFor();
      await dialog.getByText('Done: 25 sent again.').waitFor();
      await hooks.waitForRequests('/replayed', 50);
      const ids = hooks.at('/replayed').map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids).size).toBe(25);
      await closeTab(tab);
    });
  });

  describe('with dead letters', () => {
    let isMended: boolean;
    /** Endpoints that all fail, each with a few letters. */
    beforeEach(async () => {
      isMended = false;
      const { hooks } = installation;
      const settle: string[] = [];
      for (let n = 0; n < ENDPOINTS; n += 1) {
        const path = `/broken/${acme.id}/${n}`;
        hooks.respond(path, () => (isMended ? { status: 200 } : { status: 503, body: SCRIPT }));
        await acme.createEndpoint(hooks.url(path), { event_types: n === 0 ? ['order.*', 'refund.*'] : ['order.*'] });
      }
      const note = JSON.stringify(SCRIPT);
      for (let n = 0; n < LETTERS_EACH; n += 1) {
        // Numbers that JavaScript would change.
        const payload = `{"order":12345678901234567890,"total":1.50,"note":${note}}`;
        const event_type = n === 0 ? 'refund.created' : 'order.created';
        const { id } = await acme.post<{ id: string }>(
          '/events',
          `{"event_type":"${event_type}","payload":${payload}}`,
        );
        settle.push(id);
      }
      for (const id of settle) await acme.settled(id);
    }, 300_000);
    const COUNT = ENDPOINTS * (LETTERS_EACH - 1) + 1;
    const unresolved = async (): Promise<number> => (await acme.list<object>('/dead-letters?resolved=false')).length;

    it('retries all that match, sees the progress, and finds all of them delivered', async () => {
      expect(await unresolved()).toBe(COUNT);
      const tab = await open('/dead-letters');
      const { page } = tab;
      isMended = true;
      await page.getByRole('button', { name: 'Retry all that match' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Send them again' }).click();
      await dialog.getByRole('progressbar', { name: 'Progress of the replay' }).waitFor();
      await dialog.getByText(`Done: ${COUNT} sent again.`).waitFor();
      await page.keyboard.press('Escape');
      await page.getByLabel('State').selectOption('Unresolved');
      await page.getByText('No dead letter matches').waitFor();
      expect(await unresolved()).toBe(0);
      const deliveries = await acme.list<object>('/deliveries?status=succeeded');
      expect(deliveries).toHaveLength(COUNT);
      await closeTab(tab);
    });

    it('retries one, resolves those it selects, and then all that match', async () => {
      const tab = await open('/dead-letters?resolved=false');
      const { page } = tab;
      isMended = true;
      await page.getByRole('button', { name: 'refund.created' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('region', { name: 'Payload' }).getByText('"total": 1.50').waitFor();
      const payload = await dialog.getByRole('region', { name: 'Payload' }).textContent();
      expect(payload).toContain('"order": 12345678901234567890');
      expect(payload).toContain('<script>document.title');
      expect(await page.title()).toBe('Dead letters · Posthaste');
      await dialog.getByText('after 1 attempt', { exact: false }).waitFor();
      await dialog.getByRole('button', { name: 'Retry' }).click();
      await page.getByText('1 sent again.').first().waitFor();
      await page.getByRole('button', { name: 'refund.created' }).waitFor({ state: 'detached' });

      const boxes = page.getByRole('checkbox', { name: 'Select order.created' });
      for (const row of [0, 1, 2]) await boxes.nth(row).check();
      await page.getByRole('button', { name: 'Resolve 3' }).click();
      await page.getByText('3 resolved.').first().waitFor();
      await waitFor(async () => (await boxes.count()) === COUNT - 4, {
        what: 'the others to be left',
      });

      await page.getByRole('button', { name: 'Resolve all that match' }).click();
      await dialog.getByRole('button', { name: 'Resolve them' }).click();
      await dialog.getByText(`Done: ${COUNT - 4} resolved.`).waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('No dead letter matches').waitFor();
      expect(await unresolved()).toBe(0);
      // Resolving sends nothing.
      expect(await acme.list<object>('/deliveries?status=succeeded')).toHaveLength(1);
      await closeTab(tab);
    });
  });

  describe('by keyboard alone', () => {
    it('goes from the page to a failed delivery and sends it again', async () => {
      let isMended = false;
      const { hooks } = installation;
      hooks.respond('/keys', () => ({ status: isMended ? 200 : 500 }));
      await acme.createEndpoint(hooks.url('/keys'));
      const event = await acme.publish({ event_type: 'order.created' });
      await acme.settled(event.id);
      const tab = await open('/overview');
      const { page } = tab;
      await tabTo(page, 'Skip to the contents');
      await tabTo(page, 'Deliveries');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Deliveries' }).waitFor();
      await page.getByRole('link', { name: 'order.created' }).waitFor();
      await tabTo(page, 'Status');
      // The list of a select can be gone through by the first letters of what it holds.
      await page.keyboard.type('Dead');
      await waitFor(() => new URL(page.url()).searchParams.get('status') === 'dead_letter', {
        what: 'the filter to be set',
      });
      await tabTo(page, 'order.created');
      await page.keyboard.press('Enter');
      await page.getByText('The receiver failed while handling it.').first().waitFor();
      isMended = true;
      await tabTo(page, 'Retry now');
      await page.keyboard.press('Enter');
      await page.getByText('Attempt 2: HTTP 200').waitFor();
      await closeTab(tab);
    });
  });

  describe('with a link', () => {
    it.each([
      ['/deliveries', { Status: 'dead_letter', 'Event type': 'order.created' }],
      ['/events', { Type: 'order.created', Source: 'shop' }],
      ['/dead-letters', { State: 'false', Reason: 'gone' }],
    ])('finds the filters of %s as they were set, also after a reload', async (path, filters) => {
      const tab = await open(path);
      const { page } = tab;
      for (const [label, value] of Object.entries(filters)) {
        const control = page.getByLabel(label, { exact: true });
        const isSelect = (await control.getAttribute('type')) === null;
        if (isSelect) await control.selectOption(value);
        else await control.fill(value);
      }
      const isInUrl = (): boolean => {
        const held = [...new URL(page.url()).searchParams.values()];
        return Object.values(filters).every((value) => held.includes(value));
      };
      await waitFor(isInUrl, { what: 'the URL to hold the filters' });
      await page.reload();
      for (const [label, value] of Object.entries(filters)) {
        await page.getByLabel(label, { exact: true }).waitFor();
        expect(await page.getByLabel(label, { exact: true }).inputValue()).toBe(value);
      }
      await page.getByText(/^No .* matches$/).waitFor();
      await page.getByRole('button', { name: 'Clear' }).click();
      await waitFor(() => new URL(page.url()).search === '', { what: 'the URL to be clear' });
      await closeTab(tab);
    });

    it('keeps both of two filters that are set in the same instant', async () => {
      const tab = await open('/events');
      const { page } = tab;
      await page.getByLabel('Type', { exact: true }).fill('order.created');
      await page.getByLabel('Source', { exact: true }).fill('shop');
      await page.evaluate(`for (const input of document.querySelectorAll('input[type=search]'))
        if (input.value !== '') input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))`);
      await waitFor(() => new URL(page.url()).search === '?event_type=order.created&source=shop', {
        what: 'the URL to hold both',
      });
      await closeTab(tab);
    });
  });
});

/** Presses Tab until what is in focus bears this name, as text or by its label. */
async function tabTo(page: Page, name: string): Promise<void> {
  const focused = `(() => {
    const element = document.activeElement;
    const label = element.labels?.[0]?.textContent;
    return (element.getAttribute('aria-label') ?? label ?? element.textContent ?? '').trim();
  })()`;
  for (let presses = 0; presses < 100; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate<string>(focused)) === name) return;
  }
  throw new Error(`Nothing named ${name} comes into focus`);
}
