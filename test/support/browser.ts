import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const SCREENSHOTS = join(import.meta.dirname, '../../test-results/screenshots');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const SCHEMES = ['light', 'dark'] as const;
export const WIDEST = 1920;
export const WIDTHS = [1440, 390] as const;
const ACTION_TIMEOUT_MS = 90_000;

/** A tab and what it complained of. */
export interface Tab {
  page: Page;
  /** Errors of its console and of its scripts, but for the answer that says that nobody has signed in yet. */
  complaints: string[];
}

export interface TestBrowser {
  /** In a profile of its own. */
  openTab(options?: BrowserContextOptions): Promise<Tab>;
}

/** Scenarios in a real browser. Where there is none, one line says that they were left out. */
export function describeInBrowser(name: string, scenarios: (browser: TestBrowser) => void): void {
  if (EXECUTABLE === undefined) {
    process.stderr.write(`No Chromium here: "${name}" in the browser is skipped (apt-get install chromium).\n`);
    describe.skip(name, () => scenarios({ openTab: () => Promise.reject(new Error('No browser')) }));
    return;
  }
  describe(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      // Chromium's sandbox needs rights that root in a container doesn't have; what it shows here is ours.
      const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      browser = await chromium.launch({ executablePath: EXECUTABLE, args });
    });
    afterAll(() => browser?.close());
    scenarios({
      async openTab(options) {
        if (browser === undefined) throw new Error('The browser has not started');
        const context = await browser.newContext(options);
        // A scenario's own limit ends it: what is slow on a loaded machine is not wrong.
        context.setDefaultTimeout(ACTION_TIMEOUT_MS);
        return watch(await context.newPage());
      },
    });
  });
}

function watch(page: Page): Tab {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const isNobody = message.location().url.endsWith('/api/v1/session') && message.text().includes('401');
    if (message.type() === 'error' && !isNobody) complaints.push(message.text());
  });
  return { page, complaints };
}

/** By a key, from wherever the page is. */
export async function signIn(page: Page, url: string, key: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('Key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page
    .getByRole('navigation', { name: 'Pages' })
    .or(page.getByRole('button', { name: 'Menu' }))
    .first()
    .waitFor();
}

/** What axe has to say about the page as it is now. */
export async function findBarriers(page: Page): Promise<string[]> {
  // Not as a script element, which the page's policy forbids.
  await page.evaluate(`${AXE};undefined`);
  const run = `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target.join(' ')).join(', ')))`;
  return page.evaluate<string[]>(run);
}

/** How many pixels stick out to the side. */
export async function sidewaysOverflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
}

/** Kept for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
