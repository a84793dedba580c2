import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { pages, read, sources, unionMembers } from './project.ts';

const codes = unionMembers('lib/errors.ts', 'ErrorCode');

/** Codes that a page gives a heading or the first cell of a table's row. */
const ENTRY = /^(?:#{2,4} |\| *)`(ERR_[A-Z_]+)`/gm;
const MENTION = /\bERR_[A-Z_]+\b/g;

/** Codes of Node.js and the like, which the docs may mention. */
const FOREIGN = /^ERR_(?:MODULE_NOT_FOUND|REQUIRE_ESM)$/;

describe('error codes', () => {
  it('have a form, and are each another', () => {
    expect(codes).not.toEqual([]);
    for (const code of codes) expect(code).toMatch(/^ERR(_[A-Z]+)+$/);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('are each explained once in docs/errors.md, and nothing else is', () => {
    const explained = Array.from(read('docs/errors.md').matchAll(ENTRY), ([, code]) => code);
    expect(explained.toSorted()).toEqual(codes.toSorted());
  });

  it.each(pages())('exist when %s mentions them', (page) => {
    const mentioned = new Set(
      read(page)
        .match(MENTION)
        ?.filter((code) => !FOREIGN.test(code)),
    );
    expect([...mentioned].filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('are each given to some error', () => {
    const given = new Set(
      sources()
        .filter((path) => path !== 'lib/errors.ts')
        .flatMap((path) => literals(path)),
    );
    const own = literals('lib/errors.ts', (node) => !ts.isLiteralTypeNode(node.parent));
    expect(codes.filter((code) => !given.has(code) && !own.includes(code))).toEqual([]);
  });

  it('exist when a comment or a message in lib/ mentions them', () => {
    const mentioned = new Set(sources().flatMap((path) => read(path).match(MENTION) ?? []));
    expect([...mentioned].filter((code) => !codes.includes(code))).toEqual([]);
  });
});

function literals(path: string, counts: (node: ts.Node) => boolean = () => true): string[] {
  const found: string[] = [];
  const search = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) && counts(node)) found.push(node.text);
    ts.forEachChild(node, search);
  };
  search(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true));
  return found;
}
