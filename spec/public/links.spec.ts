import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, projectFiles, read, root } from './project.ts';

const linked = [...pages(), ...projectFiles('.github/*.md')];

/** Links and pictures, inline or by reference; code is not looked at. */
const LINK = /\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm;

describe('links within the project', () => {
  it.each(linked)('of %s lead somewhere', (page) => {
    expect(targetsOf(page).filter((target) => !leadsSomewhere(page, target))).toEqual([]);
  });

  it('would be noticed if they did not', () => {
    expect(leadsSomewhere('docs/README.md', 'nowhere.md')).toBe(false);
    expect(leadsSomewhere('.github/CONTRIBUTING.md', '#nothing')).toBe(false);
    expect(leadsSomewhere('.github/CONTRIBUTING.md', '#set-up')).toBe(true);
    expect(leadsSomewhere('docs/README.md', '../.github/CONTRIBUTING.md#rules')).toBe(true);
  });
});

function targetsOf(page: string): string[] {
  const prose = read(page).replaceAll(/^ *```[^]*?^ *```$/gm, '');
  const targets = Array.from(
    prose.matchAll(LINK),
    ([, inline, reference]) => inline ?? reference ?? '',
  );
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(page, '..', path));
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || anchorsOf(read(file)).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  const headings = page.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, '')
      .replaceAll(' ', '-'),
  );
}
