import { basename } from 'node:path';
import { renderMermaidSVG } from 'beautiful-mermaid';
import { defineConfig } from 'vitepress';
import { repository, sourceOf } from '../content.ts';
import { sidebar } from './sidebar.ts';

/** The base of the site: GitHub serves it below the repository's name. */
const base = process.env['SITE_BASE'] ?? '/';

const picture =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">' +
  '<path d="M1 13V4l4 4 3-6 3 6 4-4v9z" fill="#2a5fd6"/></svg>';
const ICON = `data:image/svg+xml,${encodeURIComponent(picture)}`;

/** What needs sockets; the playground has none. */
const NODE_ONLY = ['connection.ts', 'port.ts'];

export default defineConfig({
  title: 'leader-for-life',
  description: 'Leader election for Kubernetes in TypeScript: at most one of many replicas leads.',
  lang: 'en',
  base,
  srcDir: '.content',
  cleanUrls: true,
  lastUpdated: false,
  transformPageData: ({ relativePath }) => ({ filePath: sourceOf(relativePath) }),
  head: [['link', { rel: 'icon', href: ICON }]],
  markdown: {
    // The usual themes have too little contrast.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // As on GitHub, where the same pages are read.
    anchor: { slugify },
    config: (md) => {
      md.core.ruler.push('headless', ({ tokens }) => nameRows(tokens));
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, index, ...rest) => {
        const token = tokens[index];
        if (token?.info.trim() !== 'mermaid') return fence?.(tokens, index, ...rest) ?? '';
        return diagram(token.content, (text) => md.utils.escapeHtml(text));
      };
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Guides', link: '/guides/operator' },
      { text: 'Playground', link: '/playground' },
      { text: 'API', link: '/api/' },
    ],
    sidebar,
    outline: [2, 3],
    ...(repository !== undefined && {
      socialLinks: [{ icon: 'github' as const, link: repository }],
      editLink: {
        pattern: `${repository}/edit/main/:path`,
        text: 'Edit this page',
      },
    }),
  },
  vite: {
    plugins: [
      {
        name: 'without-node',
        enforce: 'pre',
        resolveId: (id) => (NODE_ONLY.includes(basename(id)) ? '\0without-node' : undefined),
        load: (id) => (id === '\0without-node' ? 'export {}' : undefined),
      },
    ],
    build: { chunkSizeWarningLimit: 1_000 },
  },
});

interface Cell {
  type: string;
  tag: string;
  content: string;
}

/** A column without a head has no header cell; if it is the first one, its cells are the rows' heads. */
function nameRows(tokens: Cell[]): void {
  let isNamed = true;
  tokens.forEach((token, index) => {
    if (token.type === 'thead_open') isNamed = true;
    const isHead = token.type === 'th_open';
    const isFirst = tokens[index - 1]?.type === 'tr_open';
    if (isHead && tokens[index + 1]?.content === '') {
      if (isFirst) isNamed = false;
      retag(tokens, index, 'td');
    } else if (token.type === 'td_open' && isFirst && !isNamed) retag(tokens, index, 'th');
  });
}

/** A cell is three tokens: its beginning, its content, its end. */
function retag(tokens: Cell[], index: number, tag: string): void {
  for (const cell of [tokens[index], tokens[index + 2]]) if (cell) cell.tag = tag;
}

function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, '')
    .replaceAll(' ', '-');
}

/** Its colours follow the theme, because they are variables of the page. */
function diagram(source: string, escape: (text: string) => string): string {
  const colors = { bg: 'var(--vp-c-bg)', fg: 'var(--vp-c-text-1)' };
  const svg = renderMermaidSVG(source, { ...colors, transparent: true, font: 'inherit' });
  // The page has its own font, and loads nothing from elsewhere.
  const html = svg.replaceAll(/@import url\([^)]*\);?/g, '');
  return `<div class="mermaid" tabindex="0" v-html="${escape(JSON.stringify(html))}"></div>\n`;
}
