import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { compilerOptions, place, program, root, sources } from './project.ts';

/** What reads a clock, waits, or draws a random number; by name, in the standard declarations. */
const TIME_AND_RANDOMNESS = new Set([
  ...['Date', 'Temporal', 'performance', 'hrtime', 'uptime', 'loadavg', 'eventLoopUtilization'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'AbortSignal.timeout'],
  ...['Math.random', 'randomUUID', 'randomUUIDv7', 'getRandomValues', 'pseudoRandomBytes'],
  ...['randomBytes', 'randomInt', 'randomFill', 'randomFillSync', 'generateKeySync'],
]);
/** How they appear in a source, if only where they are imported under another name. */
const TELLTALES = new Set(Array.from(TIME_AND_RANDOMNESS, (name) => name.split('.').at(-1)));
const TIMER_MODULES = /^(?:node:)?(?:timers|timers\/promises|perf_hooks)$/;

/** What only a program may do, never a library that it uses. */
const PROCESS = new Set([
  'on',
  'once',
  'addListener',
  'prependListener',
  'exit',
  'exitCode',
  'abort',
]);

const smuggled = new Map([
  ['Date', 'export const a = new Date();'],
  ['Date as a function', 'export const a = Date();'],
  ['Date handed on', 'export const a = (b = Date) => new b();'],
  ['Date spread', 'export const a = (b: [number] | []) => new Date(...(b as [number]));'],
  ['a method of Date', 'export const a = Date.now();'],
  ['a destructured method', 'const { now } = Date; export const a = now();'],
  ['Math.random', 'export const a = Math.random();'],
  ['a computed name', "export const a = Math['random']();"],
  ['destructuring', 'const { random: draw } = Math; export const a = draw();'],
  ['globalThis', 'export const a = globalThis.performance.now();'],
  ['a shorthand property', 'export const a = { setTimeout };'],
  ['a default argument', 'export const a = (wait = setInterval) => wait;'],
  ['an import', "import { randomUUID as id } from 'node:crypto'; export const a = id();"],
  ['an import of everything', "import * as os from 'node:os'; export const a = os.uptime();"],
  ['the timers module', "import { scheduler } from 'node:timers/promises'; export { scheduler };"],
  ['a late import', "export const a = import('node:timers');"],
  ['process.hrtime', 'export const a = process.hrtime.bigint();'],
  ['AbortSignal.timeout', 'export const a = AbortSignal.timeout(5);'],
  ['the web crypto', 'export const a = crypto.getRandomValues(new Uint8Array(1));'],
]);
const innocent = new Map([
  ['a type', 'export function a(at: Date): Date { return at; }'],
  [
    'a property of that name',
    'export const a = (b: { timeout: number; random(): number }) => b.random();',
  ],
  ['another method of Math', 'export const a = Math.max(1, 2);'],
  ['a signal', 'export const a = AbortSignal.any([]);'],
  ['a moment that is given', 'export const a = (text: string) => new Date(text);'],
  ['a timestamp that is read', 'export const a = (text: string) => Date.parse(text);'],
]);

const snippets = new Map(
  [...smuggled, ...innocent].map(([, text], i) => [join(root, `lib/${i}.ts`), text]),
);
const parsed = program(compilerOptions(), snippets);
const checker = parsed.getTypeChecker();

describe('only lib/platform/clock.ts touches time and randomness', () => {
  it('holds', () => {
    const files = sources().filter((path) => path !== 'lib/platform/clock.ts');
    expect(files.flatMap((path) => timeAndRandomness(file(path)))).toEqual([]);
  });

  it('would be noticed in the clock itself', () => {
    expect(timeAndRandomness(file('lib/platform/clock.ts'))).not.toEqual([]);
  });

  it.each([...smuggled.keys()])('would be noticed as %s', (name) => {
    expect(timeAndRandomness(snippet(name))).not.toEqual([]);
  });

  it.each([...innocent.keys()])('has nothing against %s', (name) => {
    expect(timeAndRandomness(snippet(name))).toEqual([]);
  });
});

describe('sizes', () => {
  it('no file has more than 300 lines', () => {
    expect(sources().filter((path) => lines(file(path)) > 300)).toEqual([]);
  });

  it('no function has more than 60 lines', () => {
    const long = sources().flatMap((path) => functions(file(path)).filter(({ size }) => size > 60));
    expect(long).toEqual([]);
  });

  it('a long function would be noticed', () => {
    const text = `export const a = () => {\n${'void 0;\n'.repeat(60)}};`;
    const source = ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true);
    expect(functions(source)).toEqual([{ name: 'a.ts:1', size: 62 }]);
  });
});

describe('rooms', () => {
  it('lib/protocol imports nothing from outside', () => {
    const outside = imports(/^lib\/protocol\//).filter(({ to }) => !to.startsWith('lib/protocol/'));
    expect(outside).toEqual([]);
  });

  it('client-node is loaded by the testing tools and the command line only', () => {
    const strangers = imports(/^lib\/(?!testing\/|cli\/context)/).filter(
      ({ to, kind }) => to.startsWith('@kubernetes/') && kind !== 'type',
    );
    expect(strangers).toEqual([]);
  });

  it('client-node is loaded on first use, never by an import of the package', () => {
    const eager = imports(/^lib\//).filter(
      ({ to, kind }) => to.startsWith('@kubernetes/') && kind === 'static',
    );
    expect(eager).toEqual([]);
  });

  it('nothing but lib/testing and the demo imports lib/testing', () => {
    const leaks = imports(/^lib\/(?!testing\/|cli\/demo\/)/).filter(({ to }) =>
      to.startsWith('lib/testing/'),
    );
    expect(leaks).toEqual([]);
  });

  it('the command line uses what every user can import, the clock, and the words for errors', () => {
    const allowed =
      /^(?:lib\/cli\/.*|lib\/(?:index|testing\/index|version|platform\/(?:clock|printable)|telemetry\/prometheus)\.ts|node:.*)$/;
    const deep = imports(/^lib\/cli\//).filter(
      ({ to }) => !allowed.test(to) && to !== '@kubernetes/client-node',
    );
    expect(deep).toEqual([]);
  });

  it('nothing but the command line imports the command line', () => {
    const leaks = imports(/^lib\/(?!cli\/)/).filter(({ to }) => to.startsWith('lib/cli/'));
    expect(leaks).toEqual([]);
  });

  it('the modes do not import each other', () => {
    const modes = ['lib/life/', 'lib/lease/'];
    const across = imports(/^lib\/(life|lease)\//).filter(({ from, to }) =>
      modes.some((mode) => to.startsWith(mode) && !from.startsWith(mode)),
    );
    expect(across).toEqual([]);
  });

  it('no file imports itself through others', () => {
    expect(circles(sources())).toEqual([]);
  });

  it('a circle would be noticed', () => {
    const targets = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', ['b']],
      ['d', []],
    ]);
    expect(circles([...targets.keys()], (path) => targets.get(path) ?? [])).toEqual([['b', 'c']]);
  });

  it('leaves the process and the console to the program', () => {
    const library = sources().filter((path) => !path.startsWith('lib/cli/'));
    expect(library.flatMap((path) => ofTheProgram(file(path)))).toEqual([]);
  });
});

function file(path: string): ts.SourceFile {
  const found = parsed.getSourceFile(join(root, path));
  if (!found) throw new Error(`${path} is not in the program`);
  return found;
}

function lines(source: ts.SourceFile): number {
  return source.getLineAndCharacterOfPosition(source.end).line;
}

/** Where each begins, and its number of lines. */
function functions(source: ts.SourceFile): { readonly name: string; readonly size: number }[] {
  const found: { readonly name: string; readonly size: number }[] = [];
  visit(source, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || !node.body) return;
    const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
    const last = source.getLineAndCharacterOfPosition(node.end).line;
    found.push({ name: `${relative(root, source.fileName)}:${first + 1}`, size: last - first + 1 });
  });
  return found;
}

function snippet(name: string): ts.SourceFile {
  return file(`lib/${[...smuggled.keys(), ...innocent.keys()].indexOf(name)}.ts`);
}

function timeAndRandomness(source: ts.SourceFile): string[] {
  const found = new Set<string>();
  visit(source, (node) => {
    const specifier = moduleSpecifier(node);
    if (specifier && TIMER_MODULES.test(specifier.text))
      found.add(`${place(node)} ${specifier.text}`);
    if (!ts.isIdentifier(node) && !ts.isStringLiteral(node)) return;
    if (!TELLTALES.has(node.text)) return;
    if (ts.isPartOfTypeNode(node) || ts.isTypeOnlyImportOrExportDeclaration(node.parent)) return;
    for (const name of standardNames(node)) {
      if (name === 'Date' && isCalendarArithmetic(node)) continue;
      if (TIME_AND_RANDOMNESS.has(name)) found.add(`${place(node)} ${name}`);
    }
  });
  return [...found];
}

/** `new Date(something)`, `Date.parse` and `Date.UTC` turn what they are given; they read no clock. */
function isCalendarArithmetic({ parent }: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(parent)) return ['parse', 'UTC'].includes(parent.name.text);
  if (!ts.isNewExpression(parent)) return false;
  const [first] = parent.arguments ?? [];
  return first !== undefined && !ts.isSpreadElement(first);
}

/** What a name stands for, if that is declared by the language or by Node.js. */
function standardNames(node: ts.Identifier | ts.StringLiteral): string[] {
  const symbol = symbolOf(node);
  return (symbol?.declarations ?? []).flatMap((declaration) => {
    if (!isStandard(declaration.getSourceFile())) return [];
    return [symbol?.name ?? '', `${ownerName(declaration)}.${symbol?.name}`];
  });
}

function symbolOf(node: ts.Identifier | ts.StringLiteral): ts.Symbol | undefined {
  const { parent } = node;
  if (ts.isShorthandPropertyAssignment(parent)) {
    return checker.getShorthandAssignmentValueSymbol(parent);
  }
  if (ts.isBindingElement(parent) && (parent.propertyName ?? parent.name) === node) {
    return checker.getTypeAtLocation(parent.parent).getProperty(node.text);
  }
  const symbol = checker.getSymbolAtLocation(node);
  const isAlias = symbol && symbol.flags & ts.SymbolFlags.Alias;
  return isAlias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The variable, interface or class that a member is declared in. */
function ownerName(declaration: ts.Node): string | undefined {
  for (let node = declaration.parent; !ts.isSourceFile(node); node = node.parent) {
    if ('name' in node && node.name) return (node.name as ts.Identifier).text;
  }
  return undefined;
}

function isStandard(source: ts.SourceFile): boolean {
  return parsed.isSourceFileDefaultLibrary(source) || source.fileName.includes('/@types/node/');
}

function ofTheProgram(source: ts.SourceFile): string[] {
  const found: string[] = [];
  visit(source, (node) => {
    if (!ts.isPropertyAccessExpression(node)) return;
    const text = node.getText();
    if (text.startsWith('console.')) found.push(`${place(node)} ${text}`);
    if (node.expression.getText() === 'process' && PROCESS.has(node.name.text)) {
      found.push(`${place(node)} ${text}`);
    }
  });
  return found;
}

interface Import {
  from: string;
  /** A path from the root for our own files, else the specifier. */
  to: string;
  kind: 'static' | 'dynamic' | 'type';
}

function imports(from: RegExp): Import[] {
  return sources()
    .filter((path) => from.test(path))
    .flatMap((path) => {
      const found: Import[] = [];
      visit(file(path), (node) => {
        const specifier = moduleSpecifier(node);
        if (!specifier) return;
        const to = specifier.text.startsWith('.')
          ? relative(root, join(root, path, '..', specifier.text))
          : specifier.text;
        found.push({ from: place(node), to, kind: kindOf(node) });
      });
      return found;
    });
}

function importsOf(path: string): string[] {
  return imports(new RegExp(`^${path.replaceAll('.', '\\.')}$`)).map(({ to }) => to);
}

/** The files from which a chain of imports leads back, each circle once, by its files in order. */
function circles(paths: readonly string[], targets = importsOf): string[][] {
  const direct = new Map(paths.map((path) => [path, targets(path)]));
  const reach = (from: string) => {
    const seen = new Set<string>();
    const open = [...(direct.get(from) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (!seen.has(next)) open.push(...(direct.get(next) ?? []));
      seen.add(next);
    }
    return seen;
  };
  const reached = new Map(paths.map((path) => [path, reach(path)]));
  const inCircle = paths.filter((path) => reached.get(path)?.has(path));
  const found = inCircle.map((path) =>
    inCircle.filter((other) => reached.get(path)?.has(other) && reached.get(other)?.has(path)),
  );
  return [...new Map(found.map((circle) => [circle.join(), circle])).values()];
}

function kindOf(node: ts.Node): Import['kind'] {
  if (ts.isCallExpression(node)) return 'dynamic';
  if (ts.isImportTypeNode(node)) return 'type';
  if (ts.isExportDeclaration(node)) return node.isTypeOnly ? 'type' : 'static';
  const clause = (node as ts.ImportDeclaration).importClause;
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ? 'type' : 'static';
}

/** The module that an import or export, of whatever form, names. */
function moduleSpecifier(node: ts.Node): ts.StringLiteral | undefined {
  let specifier: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
    specifier = node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    specifier = node.argument.literal;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    specifier = node.arguments[0];
  }
  return specifier && ts.isStringLiteral(specifier) ? specifier : undefined;
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => {
    visit(child, see);
  });
}
