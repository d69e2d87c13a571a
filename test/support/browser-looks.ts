import type { BrowserContextOptions, Page } from 'playwright-core';
import {
  findBarriers,
  keepScreenshot,
  SCHEMES,
  sidewaysOverflow,
  signIn,
  WIDTHS,
  type Tab,
  type TestBrowser,
} from './browser.js';
import { PATIENCE_MS, waitFor } from './processes.js';

/** Signed in by a key, with time to spare. */
export async function openSignedIn(
  browser: TestBrowser,
  url: string,
  key: string,
  options?: BrowserContextOptions,
): Promise<Tab> {
  const tab = await browser.openTab(options);
  tab.page.setDefaultTimeout(PATIENCE_MS);
  await signIn(tab.page, url, key);
  return tab;
}

/** The tab must have complained of nothing but what was provoked: Chromium itself tells of answers that are no success. */
export async function closeTab({ page, complaints }: Tab, provoked?: string): Promise<void> {
  await page.context().close();
  expect(complaints.filter((complaint) => provoked === undefined || !complaint.includes(provoked))).toEqual([]);
}

/** Until there is data where there were placeholders. */
async function settle(page: Page): Promise<void> {
  await page.locator('h1').waitFor();
  // Asked from here: the page's policy forbids what Playwright's own waiting would evaluate in it.
  const isSettled = `document.querySelector('.appear-late') === null && document.fonts.status === 'loaded'`;
  await waitFor(() => page.evaluate<boolean>(isSettled), { what: 'the page has its data' });
}

export interface LookOptions {
  name: string;
  width: number;
  colorScheme: (typeof SCHEMES)[number];
}

/** Keeps a screenshot of the page as it is. @returns what axe finds, and whether anything sticks out to the side */
export async function lookAtPage(page: Page, { name, width, colorScheme }: LookOptions): Promise<string[]> {
  await settle(page);
  await keepScreenshot(page, `${name}-${width}-${colorScheme}`);
  const barriers = await findBarriers(page);
  if ((await sidewaysOverflow(page)) > 0) barriers.push('sticks out to the side');
  return barriers.map((barrier) => `${name}, ${width} px, ${colorScheme}: ${barrier}`);
}

/** Looks at the page as it is now, under this name. */
export type Look = (name: string) => Promise<void>;

/** Walks through pages in both schemes and at every width. @returns what was wrong: barriers, overflow, complaints */
export async function lookAt(
  browser: TestBrowser,
  walk: (tab: Tab, look: Look) => Promise<void>,
  widths: readonly number[] = WIDTHS,
): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of SCHEMES) {
    for (const width of widths) {
      const tab = await browser.openTab({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' });
      await walk(tab, async (name) => void found.push(...(await lookAtPage(tab.page, { name, width, colorScheme }))));
      await tab.page.context().close();
      found.push(...tab.complaints.map((complaint) => `${width} px, ${colorScheme}, console: ${complaint}`));
    }
  }
  return found;
}
