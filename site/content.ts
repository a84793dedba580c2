/** Collects the pages of the site: those of docs/, those of site/pages/, and the API from the doc comments. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = join(import.meta.dirname, '.content');

/** The repository's address, if this runs where that is known: on GitHub. */
export const repository = addressOf(process.env);

function addressOf(env: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = env;
  return server !== undefined && name !== undefined ? `${server}/${name}` : undefined;
}

/** Copies everything anew. */
export function collect(): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  cpSync(join(root, 'docs/benchmark'), join(target, 'benchmark'), { recursive: true });
  for (const folder of ['pictures', 'deploy/monitoring']) {
    cpSync(join(root, 'docs', folder), join(target, folder), { recursive: true });
  }
  for (const path of globSync('docs/**/*.md', { cwd: root })) copyPage(path);
  for (const path of globSync('*.md', { cwd: join(root, 'site/pages') })) {
    cpSync(join(root, 'site/pages', path), join(target, path));
  }
  describeApi();
}

/** Copies one page of docs/; what it links to outside of docs/ is in the repository. */
export function copyPage(path: string): void {
  const to = join(target, siteOf(path));
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, withLinks(path, readFileSync(join(root, path), 'utf8')));
}

/** Where a page of docs/ is on the site. */
export function siteOf(path: string): string {
  const inDocs = path.replace(/^docs\//, '');
  if (inDocs === 'README.md') return 'contents.md';
  return inDocs.replace(/README\.md$/, 'index.md');
}

/** The page of docs/ that a page of the site was made of. */
export function sourceOf(page: string): string {
  if (page === 'contents.md') return 'docs/README.md';
  return `docs/${page.replace(/(^|\/)index\.md$/, '$1README.md')}`;
}

const LINK = /(\]\(|^\[[^\]]+\]: )(?!#|[a-z]+:|<)([^)\s#]+)(#[^)\s]*)?/gm;

export function withLinks(page: string, text: string): string {
  return text.replaceAll(LINK, (whole, before: string, path: string, anchor = '') => {
    const file = normalize(join(page, '..', path));
    if (file.startsWith('site/pages/'))
      return `${before}/${file.replace(/^site\/pages\/|\.md$/g, '')}${String(anchor)}`;
    const isOnSite = /^docs\/.*\.(?:md|svg|png)$/.test(file);
    if (!isOnSite)
      return `${before}${repository ?? 'https://example.com'}/blob/main/${file}${String(anchor)}`;
    if (!file.endsWith('README.md')) return whole;
    return `${before}/${siteOf(file).replace(/(?:index)?\.md$/, '')}${String(anchor)}`;
  });
}

function describeApi(): void {
  const typedoc = join(root, 'node_modules/typedoc/bin/typedoc');
  const options = join(import.meta.dirname, 'typedoc.json');
  const { status } = spawnSync(process.execPath, [typedoc, '--options', options], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('TypeDoc has failed');
  // TypeDoc's overview takes the name of the first module.
  const api = join(target, 'api');
  renameSync(join(api, 'index-1.md'), join(api, 'leader-for-life.md'));
  for (const path of globSync('*.md', { cwd: api })) {
    const text = readFileSync(join(api, path), 'utf8');
    const linked = text.replaceAll('index-1.md', 'leader-for-life.md');
    // It is made of doc comments: there is no page to edit.
    writeFileSync(join(api, path), `---\neditLink: false\n---\n\n${linked}`);
  }
}
