import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ESLint } from 'eslint';
import ts from 'typescript';
import tseslint from 'typescript-eslint';
import { afterAll, describe, expect, it } from 'vitest';
import { examplesOf } from './examples.ts';
import { compilerOptions, program, read, root } from './project.ts';

const snippets = ['README.md', 'docs/start.md'].flatMap((page) => examplesOf(page, read(page)));
const PHASES = ['waiting', 'starting', 'leading'];
const electing = snippets.filter(({ code }) => code.includes("'SIGTERM'"));

it('the README can be read at one go', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(120);
});

describe('the first snippets', () => {
  const paths = snippets.map((_, i) => join(root, `snippet-${i}.mts`));
  const codes = new Map(snippets.map(({ code }, i) => [paths[i] ?? '', code]));
  const options = { ...compilerOptions(), moduleDetection: ts.ModuleDetectionKind.Force };
  const programs = [program(options, codes)];

  it.each(snippets.map(({ place, code }, i) => ({ place, code, filePath: paths[i] ?? '' })))(
    '$place keeps the strict rules of typescript-eslint',
    async ({ code, filePath }) => {
      expect(await lint(programs, code, filePath)).toEqual([]);
    },
    60_000,
  );

  it('would be noticed if they did not', async () => {
    const filePath = join(root, 'snippet-bad.mts');
    const code = "process.once('SIGTERM', async () => {});\nexport {};\n";
    const found = await lint([program(options, new Map([[filePath, code]]))], code, filePath);
    expect(found).toContain('@typescript-eslint/no-misused-promises');
  }, 60_000);
});

async function lint(programs: ts.Program[], code: string, filePath: string): Promise<unknown[]> {
  const eslint = new ESLint({
    cwd: root,
    overrideConfigFile: true,
    overrideConfig: [
      ...(tseslint.configs.strictTypeChecked as object[]),
      { files: ['**/*.mts'], languageOptions: { parserOptions: { programs } } },
    ],
  });
  const results = await eslint.lintText(code, { filePath });
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message }) => ruleId ?? message),
  );
}

describe('SIGTERM', () => {
  const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-front-door-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const surroundings = join(import.meta.dirname, 'front-door.program.ts');

  it.each(electing.flatMap((snippet) => PHASES.map((phase) => ({ ...snippet, phase }))))(
    'of the program in $place ends it in order while it is $phase',
    async ({ place, code, phase }) => {
      const path = join(folder, `${place.replaceAll(/\W/g, '-')}.mts`);
      writeFileSync(path, code.replace("'leader-for-life'", `'file://${surroundings}'`));
      const env = { ...process.env, PHASE: phase };
      // A rejection that nobody handles, or an end before its time, would be an exit code.
      const { stdout } = await promisify(execFile)(process.execPath, [path], {
        env,
        timeout: 60_000,
      });
      const lines = stdout.trim().split('\n');
      const isElector = code.includes('lead(');
      const worked = isElector
        ? ['work starts', 'released']
        : ['work starts', 'work ends', 'released'];
      expect(lines.filter(Boolean)).toEqual(phase === 'waiting' ? [] : worked);
    },
    70_000,
  );
});
