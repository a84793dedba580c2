import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { compilerOptions, entryPoints, format, place, program, root } from './project.ts';

const untyped = new Map([
  [join(root, 'lib/explicit.ts'), 'export const a = (b: any): void => { void b; };'],
  [join(root, 'lib/inferred.ts'), 'export const a = JSON.parse("1");'],
  [join(root, 'lib/inside.ts'), 'export const a = new Map<string, any[]>();'],
]);
const options = { ...compilerOptions(), noEmit: false, declaration: true, stripInternal: true };
const parsed = program(options, untyped);
const checker = parsed.getTypeChecker();

describe('the declarations', () => {
  const declarations = emitted();
  const places = [...declarations.keys()].map((path) => relative(root, path));
  const smuggled = [...untyped.keys()].map((path) => relative(root, declarationOf(path)));

  it('contain no any', () => {
    const anywhere = places.flatMap((path) => anys(path, declarations.get(join(root, path)) ?? ''));
    expect(anywhere.filter((found) => !smuggled.some((path) => found.startsWith(path)))).toEqual(
      [],
    );
  });

  it.each(smuggled)('%s would be noticed', (path) => {
    expect(anys(path, declarations.get(join(root, path)) ?? '')).toHaveLength(1);
  });

  it('compile without the sources, and without what is internal', () => {
    const entries = Object.values(entryPoints).map(declarationOf);
    const alone = program({ ...options, skipLibCheck: false }, declarations, entries);
    const files = alone.getSourceFiles().filter(isOurs);
    expect(files.length).toBeGreaterThan(entries.length);
    expect(files.every(({ isDeclarationFile }) => isDeclarationFile)).toBe(true);
    expect(format(files.flatMap((file) => alone.getSemanticDiagnostics(file)))).toBe('');
  });

  it('of the library need no other types than those of Node.js', () => {
    const entry = declarationOf(entryPoints['leader-for-life']);
    const alone = program(options, declarations, [entry]);
    const reached = alone.getSourceFiles().filter(isOurs);
    const needed = reached.flatMap((file) =>
      ts.preProcessFile(file.text).importedFiles.map(({ fileName }) => fileName),
    );
    expect(needed.filter((name) => !/^(?:\.|node:)/.test(name))).toEqual([]);
  });
});

describe.each(Object.entries(entryPoints))('what %s exports', (_name, path) => {
  const exported = exportsOf(path);

  it('has a doc comment each, and so has every option and method of it', () => {
    const undocumented = exported
      .flatMap((symbol) => [symbol, ...membersOf(symbol)])
      .filter((symbol) => symbol.getDocumentationComment(checker).length === 0)
      .map((symbol) => `${symbol.name} (${placeOf(symbol)})`);
    expect(undocumented).toEqual([]);
  });

  it('speaks of nothing that a user cannot import', () => {
    const nameable = new Set(Object.values(entryPoints).flatMap(exportsOf));
    const hidden = exported
      .flatMap((symbol) => symbol.declarations ?? [])
      .flatMap(typeReferences)
      .filter(({ to }) => !nameable.has(to))
      .map(({ from, to }) => `${to.name} (${place(from)})`);
    expect([...new Set(hidden)]).toEqual([]);
  });
});

function isOurs(file: ts.SourceFile): boolean {
  return /^(?:lib|types)\//.test(relative(root, file.fileName));
}

/** The declarations as users get them, in a folder without the sources that they come from. */
function emitted(): Map<string, string> {
  const texts = new Map<string, string>();
  const { diagnostics } = parsed.emit(
    undefined,
    (path, text) => {
      texts.set(declarationOf(path), text);
    },
    undefined,
    true,
  );
  if (diagnostics.length > 0) throw new Error(format(diagnostics));
  return texts;
}

function declarationOf(path: string): string {
  return path.replace(join(root, 'lib/'), join(root, 'types/')).replace(/(?:\.d)?\.ts$/, '.d.ts');
}

/** Where declarations say `any`. */
function anys(path: string, declarations: string): string[] {
  const found: string[] = [];
  const search = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${path}: ${node.parent.getText()}`);
    ts.forEachChild(node, search);
  };
  search(ts.createSourceFile(path, declarations, ts.ScriptTarget.Latest, true));
  return found;
}

function exportsOf(path: string): ts.Symbol[] {
  const file = parsed.getSourceFile(path);
  const symbol = file && checker.getSymbolAtLocation(file);
  return symbol ? checker.getExportsOfModule(symbol).map(resolved) : [];
}

function resolved(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** Methods, and whatever an options object can hold; other fields may explain themselves. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  const isTyped = ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.TypeAlias;
  if (!(symbol.flags & isTyped)) return [];
  return checker
    .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
    .filter((member) => member.declarations?.some(isPublic))
    .filter((member) => symbol.name.endsWith('Options') || isMethod(member));
}

function isMethod(member: ts.Symbol): boolean {
  return checker.getTypeOfSymbol(member).getCallSignatures().length > 0;
}

function isPublic(declaration: ts.Declaration): boolean {
  return isOurs(declaration.getSourceFile()) && !isHidden(declaration) && !isWellKnown(declaration);
}

/** Private, or left out of the package's declarations: by `stripInternal`, or for its overloads. */
function isHidden(node: ts.Node): boolean {
  if (ts.isFunctionLike(node) && checker.isImplementationOfOverload(node)) return true;
  if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')) return true;
  if (!ts.isClassElement(node)) return false;
  const isPrivate = (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0;
  return isPrivate || (node.name !== undefined && ts.isPrivateIdentifier(node.name));
}

/** `[Symbol.asyncDispose]` and the like mean the same everywhere. */
function isWellKnown(declaration: ts.Declaration): boolean {
  const name = ts.getNameOfDeclaration(declaration);
  return name !== undefined && ts.isComputedPropertyName(name);
}

interface TypeReference {
  from: ts.Node;
  to: ts.Symbol;
}

/** The types of this library that a declaration's signature names: not what is inside its body. */
function typeReferences(declaration: ts.Node): TypeReference[] {
  const found: TypeReference[] = [];
  const search = (node: ts.Node): void => {
    if (ts.isBlock(node) || isHidden(node)) return;
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol) found.push({ from: node, to: resolved(symbol) });
    ts.forEachChild(node, search);
  };
  search(declaration);
  return found.filter(({ to }) => isOurType(to));
}

function isOurType(symbol: ts.Symbol): boolean {
  if (symbol.flags & ts.SymbolFlags.TypeParameter) return false;
  return symbol.declarations?.some((declaration) => isOurs(declaration.getSourceFile())) ?? false;
}

function placeOf(symbol: ts.Symbol): string {
  const [declaration] = symbol.declarations ?? [];
  return declaration ? place(declaration) : 'nowhere';
}
