import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { SCENES } from '../../site/playground/scenes.ts';
import { POD_ACTIONS, WORLD_ACTIONS } from '../../site/playground/schedule.ts';
import { playgroundLink } from '../simulate/playground-link.ts';
import { parseRegression } from '../simulate/regression.ts';
import { it, playground, setSpeed, states, untilState } from './browser.ts';

const verdict = (page: Page, world = 0) => page.locator('.verdict').nth(world);

async function click(page: Page, what: string, pod?: string): Promise<void> {
  const scope = pod === undefined ? '[data-part=world-buttons]' : 'fieldset.pod';
  const name = pod === undefined ? {} : { has: page.locator(`legend:text-is("${pod}")`) };
  await page.locator(scope, name).locator(`[data-what=${what}]`).click();
}

/** What the button leads to, for the leader. */
const OUTCOMES: Readonly<Record<keyof typeof POD_ACTIONS, [string, RegExp]>> = {
  release: ['pod-1', /^restarts/],
  crash: ['pod-1', /^restarts/],
  kill: ['pod-2', /^leads/],
  delete: ['pod-2', /^leads/],
  'delete-foreground': ['pod-2', /^leads/],
  evict: ['pod-1', /^evicted/],
  stop: ['pod-1', /^leads, stopped/],
  cut: ['pod-1', /^leads, cut off/],
  slow: ['pod-1', /^leads/],
  'fast-clock': ['pod-1', /^leads/],
  'slow-clock': ['pod-1', /^leads/],
  node: ['pod-1', /^leads, cut off/],
};

/** What it says once it has not changed for some frames; what is under way ends first. */
async function still(page: Page, part: Locator): Promise<string | null> {
  const frame = 'new Promise((resolve) => requestAnimationFrame(resolve))';
  let last: string | null | undefined;
  await expect
    .poll(async () => {
      const before = last;
      for (let frames = 0; frames < 5; frames += 1) await page.evaluate(frame);
      last = await part.textContent();
      return last === before;
    })
    .toBe(true);
  return last ?? null;
}

describe('the buttons of a Pod', () => {
  for (const [what, [pod, state]] of Object.entries(OUTCOMES)) {
    it(`${what}: ${pod} ${state.source}`, async ({ page }) => {
      await playground(page);
      await untilState(page, 'pod-1', /^leads/);
      await click(page, what, 'pod-1');
      await untilState(page, pod, state);
      await expect.poll(() => page.url()).toMatch(new RegExp(`do=\\d+\\.${what}\\.pod-1$`));
      expect(await verdict(page).textContent()).toMatch(/^✓ At most one Pod led/);
    });
  }

  it('show what is in force, and undo it', async ({ page }) => {
    await playground(page);
    await untilState(page, 'pod-1', /^leads/);
    for (const what of ['stop', 'cut', 'slow', 'fast-clock', 'slow-clock']) {
      const button = page.locator('fieldset.pod').first().locator(`[data-what=${what}]`);
      await button.click();
      await expect.poll(() => button.getAttribute('aria-pressed')).toBe('true');
      await button.click();
      await expect.poll(() => button.getAttribute('aria-pressed')).toBe('false');
    }
  });
});

describe('the buttons of the world', () => {
  it('are all there', async ({ page }) => {
    await playground(page);
    const buttons = page.locator('[data-part=world-buttons] button');
    expect(await buttons.allTextContents()).toEqual(Object.values(WORLD_ACTIONS));
  });

  it('garbage collector off: the next leader deletes the lock itself', async ({ page }) => {
    await playground(page);
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'gc');
    await click(page, 'kill', 'pod-1');
    await untilState(page, 'pod-2', /^waits/);
    await setSpeed(page, 1);
    // The killed one may be shown as the leader for a moment yet.
    const requests = page.locator('[data-part=requests]');
    await expect.poll(() => requests.textContent()).toContain('delete');
    await expect.poll(() => states(page).then(Object.values)).toContainEqual('leads');
  });

  it('API server down, for life: the leader leads on', async ({ page }) => {
    await playground(page);
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'api');
    await setSpeed(page, 1.5);
    await expect.poll(() => page.locator('[data-part=time]').textContent()).toMatch(/^[3-9]\d\./);
    expect(await states(page)).toMatchObject({ 'pod-1': 'leads' });
  });

  it('API server down, by a lease: the leader stops, and one leads again later', async ({
    page,
  }) => {
    await playground(page, 'mode=lease&pods=3&seed=1');
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'api');
    await setSpeed(page, 1);
    await expect
      .poll(() => states(page).then(Object.values), { timeout: 20_000 })
      .not.toContain('leads');
    await click(page, 'api');
    await expect
      .poll(() => states(page).then(Object.values), { timeout: 20_000 })
      .toContain('leads');
  });

  it('a lost node comes back', async ({ page }) => {
    await playground(page);
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'node', 'pod-1');
    await untilState(page, 'pod-1', /cut off/);
    await click(page, 'heal');
    await untilState(page, 'pod-1', /^leads$|^leads \(/);
  });

  it('delete the lock: the verdict says that no promise covers it', async ({ page }) => {
    await playground(page, 'mode=life&pods=3&seed=1&compared');
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'lock');
    await setSpeed(page, 1);
    await expect
      .poll(() => verdict(page, 1).textContent(), { timeout: 20_000 })
      .toMatch(/^✗ .* led together for .* No promise covers this: someone deleted the lock\./);
  });

  it('rolling update: all Pods are new', async ({ page }) => {
    await playground(page);
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'roll');
    await setSpeed(page, 0.7);
    await expect
      .poll(() => states(page).then(Object.keys), { timeout: 20_000 })
      .toEqual(['pod-4', 'pod-5', 'pod-6']);
  });
});

describe('time', () => {
  it('can be paused, stepped and started again', async ({ page }) => {
    await playground(page);
    const time = page.locator('[data-part=time]');
    await page.locator('[data-part=play]').click();
    const paused = await still(page, time);
    await page.locator('[data-part=step]').click();
    await expect.poll(() => time.textContent()).not.toBe(paused);
    await still(page, time);
    await page.locator('[data-part=again]').click();
    await expect
      .poll(async () => Number.parseFloat((await time.textContent()) ?? ''))
      .toBeGreaterThan(0.2);
  });

  it('goes a hundred times as fast', async ({ page }) => {
    await playground(page, 'mode=lease&pods=7&seed=1');
    await setSpeed(page, 2);
    expect(await page.locator('[data-part=speed-value]').textContent()).toBe('100 ×');
    await expect
      .poll(() => page.locator('[data-part=time]').textContent(), { timeout: 30_000 })
      .toMatch(/^[1-9]\d\d\./);
    expect(await verdict(page).textContent()).toMatch(/^✓/);
  });
});

describe('a link', () => {
  it('shows the very same run', async ({ page, browser }) => {
    await playground(page, 'mode=lease&pods=4&seed=7');
    await untilState(page, 'pod-1', /^leads/);
    await click(page, 'crash', 'pod-1');
    await untilState(page, 'pod-1', /^restarts/);
    await click(page, 'slow', 'pod-2');
    await page.locator('[data-part=share]').click();
    await page.locator('[data-part=shared]', { hasText: 'this very run' }).waitFor();
    const other = await browser.newPage();
    await other.goto(page.url());
    const requestsAt = async (which: Page) => {
      await which.locator('.playground[data-ready=true]').waitFor();
      await setSpeed(which, 1.3);
      const upTo = (lines: string) =>
        lines
          .split('\n')
          .filter((line) => Number.parseFloat(line) < 60 && Number.parseFloat(line) > 40);
      const time = which.locator('[data-part=time]');
      await expect
        .poll(async () => Number.parseFloat((await time.textContent()) ?? ''), { timeout: 20_000 })
        .toBeGreaterThan(60);
      await which.locator('[data-part=play]').click();
      return upTo((await which.locator('[data-part=requests]').textContent()) ?? '');
    };
    const [here, there] = [await requestsAt(page), await requestsAt(other)];
    await other.close();
    const shared = here.filter((line) => there.includes(line));
    expect(shared.length).toBeGreaterThan(3);
    expect(there.slice(-shared.length)).toEqual(here.slice(-shared.length));
  });
});

describe('a fragment', () => {
  it('that names a part of the page leaves the run as it is', async ({ page }) => {
    await playground(page, 'mode=life&pods=4&seed=1');
    await untilState(page, 'pod-1', /^leads/);
    await page.locator('a[href="#playground-legend"]').click();
    await expect.poll(() => page.url()).toMatch(/#playground-legend$/);
    await untilState(page, 'pod-4', /^waits/);
    await page.locator('[data-part=again]').click();
    await untilState(page, 'pod-4', /^starts|^waits/);
    expect(await page.locator('[data-part=pods]').inputValue()).toBe('4');
  });
});

describe('a schedule of the simulator', () => {
  it('opens, and shows which leaders worked at the same time', async ({ page }) => {
    const text = [
      'two leaders of client-go',
      'lease 7 {"troubleMs":40000}',
      'client-go client-go client-go',
      '5000 stop elector {"slot":"leader","forMs":20000}',
    ].join('\n');
    const link = playgroundLink(parseRegression(text).schedule);
    await playground(page, link?.fragment);
    await setSpeed(page, 1.3);
    await expect
      .poll(() => page.locator('[data-part=time]').textContent(), { timeout: 30_000 })
      .toMatch(/^[4-9]\d\./);
    expect(await verdict(page, 0).textContent()).toMatch(/^✓ At most one Pod led/);
    expect(await verdict(page, 1).textContent()).toMatch(/^✗ pod-\d and pod-\d led together/);
  });
});

describe('the scenes', () => {
  for (const [id, { title, captions, setting }] of Object.entries(SCENES)) {
    it(`${id} plays to its end`, async ({ page }) => {
      await playground(page);
      await page.getByRole('button', { name: title, exact: true }).click();
      await page
        .locator('[data-part=caption]', { hasText: captions[0]?.text.slice(0, 20) ?? '' })
        .waitFor();
      await setSpeed(page, 1.3);
      const last = captions.at(-1)?.text ?? '';
      await page.locator('[data-part=caption]', { hasText: last }).waitFor({ timeout: 30_000 });
      await page.locator('[data-part=play]', { hasText: 'Play' }).waitFor({ timeout: 30_000 });
      expect(await verdict(page).textContent()).toMatch(/^✓/);
      const compared = await verdict(page, 1).textContent();
      // client-go's and operator-lib's leaders overlap, except when all goes well.
      if (id !== 'rolling') expect(compared).toMatch(/^✗/);
      expect(setting.compared).toBe(true);
    });
  }
});

describe('a scene that has ended', () => {
  it('plays on', async ({ page }) => {
    await playground(page, 'scene=rolling');
    await setSpeed(page, 1.3);
    const play = page.locator('[data-part=play]');
    await play.filter({ hasText: 'Play' }).waitFor({ timeout: 30_000 });
    await play.click();
    const endS = (SCENES['rolling']?.endMs ?? 0) / 1_000;
    const time = page.locator('[data-part=time]');
    await expect
      .poll(async () => Number.parseFloat((await time.textContent()) ?? ''))
      .toBeGreaterThan(endS + 5);
    expect(await play.textContent()).toBe('Pause');
  });
});

describe('the page', () => {
  it('works with the keyboard only', async ({ page }) => {
    await playground(page);
    await untilState(page, 'pod-1', /^leads/);
    const focused = () => page.evaluate('document.activeElement.getAttribute("aria-label")');
    await page.locator('[data-part=play]').focus();
    for (let i = 0; i < 60 && (await focused()) !== 'Kill: pod-1'; i += 1) {
      await page.keyboard.press('Tab');
    }
    expect(await focused()).toBe('Kill: pod-1');
    await page.keyboard.press('Enter');
    await untilState(page, 'pod-2', /^leads/);
  });

  it('fits a narrow screen', async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await playground(page, 'mode=lease&pods=7&seed=1&compared');
    await untilState(page, 'pod-1', /^leads/);
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(overflow).toBe(0);
  });
});
