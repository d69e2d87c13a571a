import { gzipSync } from 'node:zlib';
import type { EndpointBody, TenantClient } from '../support/api-client.js';
import { describeInBrowser, signIn, type Tab } from '../support/browser.js';
import { closeTab } from '../support/browser-looks.js';
import { useInstallation } from '../support/installation.js';

const MAX_FIRST_LOAD_BYTES = 250_000;
const SCRIPT = '<script>document.title = "hacked"</script><img src=x onerror="document.title=\'hacked\'">';

describeInBrowser("the dashboard of a tenant's developer", (browser) => {
  const installation = useInstallation({
    backend: 'postgres',
    env: { DEFAULT_RETRY_POLICY: '{"max_attempts":1,"schedule_seconds":[0]}' },
  });
  let acme: TenantClient;
  let broken: EndpointBody;
  let isMended = false;
  /** Of the delivery that failed. */
  let deliveryId: string;
  let eventId: string;
  const base = (): string => installation.posthaste.url;

  beforeAll(async () => {
    acme = await installation.posthaste.operator.createTenant({ name: 'Acme' });
    const { hooks } = installation;
    hooks.respond('/broken', () => (isMended ? { status: 200, body: SCRIPT } : { status: 503, body: SCRIPT }));
    broken = await acme.createEndpoint(hooks.url('/broken'), { event_types: ['order.*'] });
    await acme.createEndpoint(hooks.url('/good'), { event_types: ['invoice.*'] });
    const event = await acme.publish({
      event_type: 'order.created',
      event_id: 'order-1001',
      payload: { order: 1001, note: SCRIPT },
    });
    eventId = event.id;
    deliveryId = (await acme.settled(event.id))[0]?.id ?? '';
    await acme.settled((await acme.publish({ event_type: 'invoice.paid' })).id);
  });

  const signedIn = async (options?: Parameters<typeof browser.openTab>[0]): Promise<Tab> => {
    const tab = await browser.openTab(options);
    await signIn(tab.page, base(), acme.key);
    return tab;
  };

  it('lets in whoever has a key, and keeps none of it in the browser', async () => {
    const { page } = await browser.openTab();
    await page.goto(base());
    await page.getByLabel('Key').fill('ph_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText("Posthaste doesn't know this key.").waitFor();

    await signIn(page, base(), acme.key);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const kept = await page.evaluate<string>('JSON.stringify([localStorage, sessionStorage, document.cookie])');
    expect(kept).toBe('[{},{},""]');
    // A reload finds the session by its cookie, which no script can read.
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.context().close();
  });

  it('shows what a receiver and a payload say as text, and runs none of it', async () => {
    const tab = await signedIn();
    for (const path of [`/deliveries/${deliveryId}`, `/events/${eventId}`]) {
      await tab.page.goto(base() + path);
      await tab.page.getByText('hacked').first().waitFor();
      expect(await tab.page.title()).toBe('order.created · Posthaste');
      expect(await tab.page.locator('img[src="x"]').count()).toBe(0);
    }
    await closeTab(tab);
  });

  it('leads from the list to a failed delivery, says why, and retries it to success', async () => {
    const tab = await signedIn();
    const { page } = tab;
    await page.getByRole('link', { name: 'Deliveries' }).click();
    await page.getByLabel('Status').selectOption('Dead letter');
    expect(new URL(page.url()).searchParams.get('status')).toBe('dead_letter');
    await page.getByRole('table').getByText('invoice.paid').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'order.created' }).click();
    await page.getByText('The receiver is down or overloaded.').waitFor();

    isMended = true;
    await page.getByRole('button', { name: 'Retry now' }).click();
    await page.getByText('Attempt 2: HTTP 200').waitFor();
    await page.getByText('Delivered', { exact: true }).waitFor();
    expect(installation.hooks.at('/broken')).toHaveLength(2);
    await closeTab(tab);
  });

  it('shows attempts as they happen', async () => {
    const tab = await signedIn();
    await tab.page.getByRole('link', { name: 'Live feed' }).click();
    await tab.page.getByText('Live', { exact: true }).waitFor();
    await acme.publish({ event_type: 'invoice.sent' });
    const rows = tab.page.getByRole('list', { name: 'Attempts, newest first' });
    await rows.getByRole('link', { name: 'invoice.sent' }).waitFor();

    await tab.page.getByRole('button', { name: 'Pause' }).click();
    await acme.settled((await acme.publish({ event_type: 'invoice.voided' })).id);
    expect(await rows.getByText('invoice.voided').count()).toBe(0);
    await tab.page.getByRole('button', { name: 'Go on' }).click();
    await rows.getByRole('link', { name: 'invoice.voided' }).waitFor();
    await closeTab(tab);
  });

  it('takes a portal link out of the address bar at once, and offers only what it allows', async () => {
    const { url } = await acme.post<{ url: string }>(`/tenants/${acme.id}/portal-links`, {
      scopes: ['deliveries:read'],
    });
    const tab = await browser.openTab();
    await tab.page.goto(base() + new URL(url).hash.replace('#', '/#'));
    await tab.page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(tab.page.url()).not.toContain('portal');
    expect(await tab.page.getByRole('link', { name: 'Events' }).count()).toBe(0);
    await tab.page.goto(`${base()}/deliveries/${deliveryId}`);
    await tab.page.getByText(broken.id).waitFor();
    expect(await tab.page.getByRole('button', { name: 'Retry now' }).count()).toBe(0);
    await closeTab(tab);
  });

  it("lets the operator pick a tenant, whose name is in the page's address", async () => {
    const tab = await browser.openTab();
    await signIn(tab.page, base(), installation.posthaste.adminKey);
    await tab.page.getByRole('link', { name: 'Acme', exact: true }).click();
    await tab.page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(new URL(tab.page.url()).pathname).toBe(`/t/${acme.id}/overview`);
    await tab.page.getByRole('link', { name: 'Events' }).click();
    await tab.page.getByRole('table').getByText('order-1001').waitFor();
    await closeTab(tab);
  });

  it('is there after less than 250 KB', async () => {
    const tab = await browser.openTab();
    const loaded = new Set<string>();
    tab.page.on('response', (response) => loaded.add(response.url()));
    await tab.page.goto(base());
    await tab.page.getByLabel('Key').waitFor();
    const files = [...loaded].filter((url) => !new URL(url).pathname.startsWith('/api/'));
    // Asked for once more from here: a tab may forget what it has read, or be closed while it is asked.
    const sizes = await Promise.all(
      files.map(async (url) => {
        const body = Buffer.from(await (await fetch(url)).arrayBuffer());
        return Math.min(body.length, gzipSync(body).length);
      }),
    );
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_FIRST_LOAD_BYTES);
    await closeTab(tab);
  });
});
