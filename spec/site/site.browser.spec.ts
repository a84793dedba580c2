import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix } from 'node:path';
import type { AxeResults } from 'axe-core';
import { beforeAll, describe, expect } from 'vitest';
import { sidebar } from '../../site/.vitepress/sidebar.ts';
import { root } from '../public/project.ts';
import { it, playground, untilState, urlOf } from './browser.ts';

const folder = join(root, 'site/.vitepress/dist');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What a page has, by its path: the targets of its links, and its anchors. */
const pages = new Map<string, { readonly links: string[]; readonly ids: Set<string> }>();

beforeAll(() => {
  for (const file of globSync('**/*.html', { cwd: folder })) {
    const html = readFileSync(join(folder, file), 'utf8');
    const values = (name: string) =>
      Array.from(html.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g')), ([, value = '']) => value);
    const path = `/${file}`.replace(/(?:index)?\.html$/, '');
    pages.set(path, { links: values('href'), ids: new Set(values('id')) });
  }
});

describe('the pages', () => {
  it('link to pages and anchors that exist', () => {
    const broken = [...pages].flatMap(([path, { links }]) =>
      links.filter((link) => !leadsSomewhere(path, link)).map((link) => `${path}: ${link}`),
    );
    expect([...new Set(broken)]).toEqual([]);
  });

  it('would be missed if they did not exist', () => {
    expect(leadsSomewhere('/faq', './nothing')).toBe(false);
    expect(leadsSomewhere('/faq', '#nothing')).toBe(false);
    expect(leadsSomewhere('/faq', '/safety#fencing')).toBe(true);
  });

  it('are all in the sidebar', () => {
    const listed = sidebar.flatMap(({ items }) => items.map(({ link }) => link));
    const hidden = [...pages.keys()].filter((path) => !listed.includes(path));
    expect(hidden.toSorted()).toEqual(['/', '/404', '/api/']);
  });

  it('can be edited where they are written', () => {
    const edited = [...pages].map(([path, { links }]) => [path, editLinkOf(links)] as const);
    const without = edited.flatMap(([path, file]) => (file === undefined ? [path] : []));
    // These are not pages of docs/.
    expect(without.toSorted()).toEqual([
      ...['/', '/404', '/api/', '/api/leader-for-life', '/api/testing', '/playground'],
    ]);
    const missing = edited.filter(
      ([, file]) => file !== undefined && !existsSync(join(root, file)),
    );
    expect(missing).toEqual([]);
  });

  it('show diagrams without a script', () => {
    const html = readFileSync(join(folder, 'architecture.html'), 'utf8');
    expect(html).toContain('class="mermaid"');
    expect(html).not.toContain('flowchart LR');
  });
});

describe('accessibility', () => {
  it('of every page has no fault that axe finds', { timeout: 600_000 }, async ({ page }) => {
    const found: string[] = [];
    for (const path of pages.keys()) {
      await page.goto(urlOf(path));
      const here = await faults(page.evaluate.bind(page));
      found.push(...here.map((fault) => `${path}: ${fault}`));
    }
    expect(pages.size).toBeGreaterThan(40);
    expect(found).toEqual([]);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`of the playground has no fault that axe finds, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await playground(page, 'scene=node-lost');
      await untilState(page, 'pod-1', /cut off/);
      expect(await faults(page.evaluate.bind(page))).toEqual([]);
    });
  }
});

describe('a reader', () => {
  it('finds a page by searching', async ({ page }) => {
    await page.goto(urlOf('/'));
    await page.locator('.VPNavBarSearch button').click();
    await page.locator('.VPLocalSearchBox input').fill('fencing');
    const first = page.locator('.VPLocalSearchBox a.result').first();
    await first.waitFor();
    await first.click();
    await page.waitForURL(/fencing/);
  });

  it('loads less than 200 kB of any page before opening the playground', async ({ browser }) => {
    const sizes: Record<string, number> = {};
    for (const path of ['/', '/start', '/choose', '/lease', '/faq', '/api/leader-for-life']) {
      const page = await browser.newPage({ viewport: { width: 1_200, height: 900 } });
      let bytes = 0;
      page.on('response', (response) => {
        bytes += Number(response.headers()['content-length'] ?? 0);
      });
      await page.goto(urlOf(path), { waitUntil: 'networkidle' });
      await page.close();
      sizes[path] = Math.round(bytes / 1_000);
    }
    console.log('kB loaded', sizes);
    expect(Math.min(...Object.values(sizes))).toBeGreaterThan(10);
    expect(Math.max(...Object.values(sizes))).toBeLessThan(200);
  });

  it('needs no JavaScript, except for search and playground', async ({ browser }) => {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      viewport: { width: 1_200, height: 900 },
    });
    const page = await context.newPage();
    await page.goto(urlOf('/'));
    await page.getByRole('link', { name: 'Start in five minutes' }).click();
    await page.getByRole('heading', { name: 'On your laptop, without a cluster' }).waitFor();
    await page.locator('.VPSidebar').getByRole('link', { name: 'Architecture' }).click();
    await page.locator('.mermaid svg').first().waitFor();
    await page.goto(urlOf('/playground'));
    await page.getByText('It needs JavaScript').waitFor();
    expect(await page.locator('[data-part=play]').isVisible()).toBe(false);
    await context.close();
  });
});

/** The file of the repository that the page's link leads to. */
function editLinkOf(links: readonly string[]): string | undefined {
  const prefix = 'https://example.com/owner/name/edit/main/';
  return links.find((link) => link.startsWith(prefix))?.slice(prefix.length);
}

type Evaluate = (expression: string) => Promise<unknown>;

async function faults(evaluate: Evaluate): Promise<string[]> {
  await evaluate(axe);
  const { violations } = (await evaluate('axe.run(document)')) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

function leadsSomewhere(path: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return true;
  const [to = '', anchor = ''] = link.split('#');
  const target = to === '' ? path : posix.normalize(posix.join(path.replace(/[^/]*$/, ''), to));
  const absolute = (to.startsWith('/') ? to : target).replace(/\.html$/, '');
  if (/\.(?:css|js|svg|png|woff2)$/.test(absolute)) return true;
  const page = pages.get(absolute) ?? pages.get(`${absolute}/`);
  if (!page) return false;
  // The playground keeps its schedule there.
  const isSchedule = absolute === '/playground' && anchor.includes('=');
  return anchor === '' || isSchedule || page.ids.has(decodeURIComponent(anchor));
}
