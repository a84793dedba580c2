import { globSync, readFileSync } from 'node:fs';
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

  it('show diagrams without a script', () => {
    const html = readFileSync(join(folder, 'architecture.html'), 'utf8');
    expect(html).toContain('class="mermaid"');
    expect(html).not.toContain('flowchart LR');
  });
});

describe('accessibility', () => {
  for (const path of ['/', '/start', '/choose', '/architecture', '/operate/troubleshooting']) {
    it(`of ${path} has no fault that axe finds`, async ({ page }) => {
      await page.goto(urlOf(path));
      expect(await faults(page.evaluate.bind(page))).toEqual([]);
    });
  }

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

  it('loads less than 200 kB before opening the playground', async ({ page }) => {
    let bytes = 0;
    page.on('response', (response) => {
      bytes += Number(response.headers()['content-length'] ?? 0);
    });
    await page.goto(urlOf('/start'), { waitUntil: 'networkidle' });
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(200_000);
  });
});

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
