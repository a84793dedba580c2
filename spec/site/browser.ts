import { type Browser, chromium, type Page } from 'playwright-core';
import { inject, test } from 'vitest';

/** What a reader of the site has: a page that reports every error. */
export const it = test
  .extend('browser', { scope: 'file' }, async ({}, { onCleanup }): Promise<Browser> => {
    const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
    // As root, which containers are, Chromium runs only without its sandbox.
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    onCleanup(() => browser.close());
    return browser;
  })
  .extend('page', async ({ browser }, { onCleanup }): Promise<Page> => {
    const page = await browser.newPage({ viewport: { width: 1_200, height: 900 } });
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`${message.text()} ${message.location().url}`);
    });
    onCleanup(async () => {
      await page.close();
      if (problems.length > 0) throw new Error(problems.join('\n'));
    });
    return page;
  });

export function urlOf(path: string): string {
  return `${inject('site')}${path}`;
}

/** Opens the playground, and waits until it runs. */
export async function playground(page: Page, fragment = ''): Promise<void> {
  // Another fragment alone would not load the page anew.
  await page.goto('about:blank');
  await page.goto(urlOf(`/playground#${fragment}`));
  await page.locator('.playground[data-ready=true]').waitFor();
}

/** What each Pod does, by its card; read at once, because cards come and go. */
export function states(page: Page): Promise<Record<string, string>> {
  return page.evaluate(`Object.fromEntries(
    Array.from(document.querySelectorAll('fieldset.pod'), (card) => [
      card.querySelector('legend').textContent,
      card.querySelector('.state').textContent.replace(/ \\(.*$/, ''),
    ]),
  )`);
}

/** Resolves when a Pod's state is as expected. */
export async function untilState(page: Page, pod: string, state: RegExp): Promise<void> {
  const card = page.locator('fieldset.pod', { has: page.locator(`legend:text-is("${pod}")`) });
  await card.locator('.state', { hasText: state }).waitFor({ timeout: 20_000 });
}

export async function setSpeed(page: Page, exponent: number): Promise<void> {
  await page.locator('[data-part=speed]').fill(String(exponent));
}
