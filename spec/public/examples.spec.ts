import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { allExamples, blocksOf, examplesInComments, examplesOf } from './examples.ts';
import { compilerOptions, format, pages, program, projectFiles, read, root } from './project.ts';

const examples = allExamples();

// An example is a module of its own; names that it introduces for the reader need no use.
const options: ts.CompilerOptions = {
  ...compilerOptions(),
  moduleDetection: ts.ModuleDetectionKind.Force,
  noUnusedLocals: false,
  noUnusedParameters: false,
};

describe.runIf(examples.length > 0)('examples compile', () => {
  const compiled = compiler(examples.map(({ code }) => code));

  it.each(examples.map(({ place }, i) => [place, i] as const))('%s', (_place, i) => {
    expect(compiled(i)).toBe('');
  });
});

describe('examples ask the signal of a leadership itself', () => {
  // One made of it is told late: most runtimes do not ask the signals that it was made of.
  const programs = projectFiles('docs/**/*.ts').map((path) => ({ place: path, code: read(path) }));

  it.each([...examples, ...programs])('$place', ({ code }) => {
    expect(code).not.toContain('AbortSignal.any');
  });
});

describe('manifests parse', () => {
  const blocks = pages().flatMap((path) =>
    blocksOf(read(path))
      .filter(({ language }) => language === 'yaml')
      .map(({ start, lines }) => ({ place: `${path}:${start + 1}`, text: lines.join('\n') })),
  );
  const files = projectFiles('docs/**/*.yaml');
  const manifests = [...blocks, ...files.map((path) => ({ place: path, text: read(path) }))];

  it.each(manifests)('$place', ({ text }) => {
    const objects = loadAllYaml(text);
    expect(objects.filter((object) => typeof object !== 'object' || object === null)).toEqual([]);
  });
});

describe('the check itself', () => {
  const page = [
    '<!-- given',
    'declare function start(): void;',
    '-->',
    '<!-- run -->',
    '```ts',
    'start();',
    '```',
    '<!-- prints -->',
    '```text',
    'started',
    '```',
    'More:',
    '<!-- continues -->',
    '',
    '```ts',
    'start(1);',
    '```',
  ].join('\n');

  it('keeps the lines of the page, what is given and what went before', () => {
    const given = '\ndeclare function start(): void;\n\n\n\nstart();';
    expect(examplesOf('a.md', page)).toEqual([
      { place: 'a.md:6', code: given, runs: true, prints: 'started' },
      { place: 'a.md:16', code: `${given}${'\n'.repeat(10)}start(1);`, runs: false },
    ]);
  });

  it('notices what does not compile, at its line', () => {
    const compiled = compiler(examplesOf('a.md', page).map(({ code }) => code));
    expect(compiled(0)).toBe('');
    expect(compiled(1)).toContain('(16,7): error TS2554');
  });

  it('finds examples in doc comments', () => {
    const source = '/**\n * Adds.\n *\n * ```ts\n * add();\n * ```\n */\nexport function add() {}';
    expect(examplesInComments('a.ts', source)).toMatchObject([{ place: 'a.ts:5' }]);
  });

  it.each(['typescript', 'js', 'javascript', 'ts twoslash'])(
    'does not let %s blocks pass',
    (language) => {
      expect(() => examplesOf('a.md', `\`\`\`${language}\nx\n\`\`\``)).toThrow('a.md:1');
    },
  );
});

/** Compiles all at once; the function returned says what is wrong with one of them. */
function compiler(codes: readonly string[]): (index: number) => string {
  const paths = codes.map((_, i) => join(root, `example-${i}.mts`));
  const parsed = program(options, new Map(codes.map((code, i) => [paths[i] ?? '', code])));
  return (index) => {
    const file = parsed.getSourceFile(paths[index] ?? '');
    return format([
      ...parsed.getSyntacticDiagnostics(file),
      ...parsed.getSemanticDiagnostics(file),
    ]);
  };
}
