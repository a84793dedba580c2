import { describe, expect, it } from 'vitest';
import { projectFiles, read } from './project.ts';

/** Words that an engineer would not say in a review, or that hide who does what. */
const BANNED =
  /\b(?:whoever|likewise|sees to it|has to see to|looks? on|tells? of|for want of|by what luck|so many|so long|not heeded|but for|vouch(?:es)?|of those|comes of it)\b/gi;

const files = projectFiles('{README.md,{lib,docs,.github}/**/*.{ts,md}}').filter(
  (file) => !file.startsWith('docs/benchmark/'),
);

describe('the prose', () => {
  it.each(files)('of %s has no banned word', (file) => {
    const lines = read(file).split('\n');
    const found = lines.flatMap((line, index) =>
      Array.from(line.matchAll(BANNED), ([word]) => `${file}:${index + 1}: ${word}`),
    );
    expect(found).toEqual([]);
  });

  it('promises at most one leader: none may lead, in both modes', () => {
    const promising = [...files, 'package.json', ...projectFiles('{spec/demo,site}/**/*.{ts,md}')];
    const found = promising.filter((file) => /\bexactly one\b[^.\n]*\bleads\b/.test(read(file)));
    expect(found).toEqual([]);
  });

  it('would be noticed', () => {
    expect('Whoever looks on'.match(BANNED)).toEqual(['Whoever', 'looks on']);
  });
});

describe('doc comments', () => {
  const docs = projectFiles('lib/**/*.ts').flatMap((file) =>
    Array.from(read(file).matchAll(/\/\*\*.*?\*\//gs), ([text]) => ({ file, text })),
  );

  it('give defaults as tags, which editors show', () => {
    expect(docs.filter(({ text }) => /[*.] Default:? /.test(text))).toEqual([]);
  });

  it('have no paragraph after @throws, which would be taken for its text', () => {
    expect(docs.filter(({ text }) => /@throws[^@]*\n *\*\n *\* +[^@\s]/.test(text))).toEqual([]);
  });
});
