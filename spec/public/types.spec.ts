import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compilerOptions, format, program, read, root } from './project.ts';

const path = 'spec/public/types.ts';
const expectations = join(root, path);
const contradictions = join(root, 'spec/public/types.contradicted.ts');

const parsed = program(
  compilerOptions(),
  new Map([
    [expectations, read(path)],
    [contradictions, contradicted(read(path))],
  ]),
);

describe('the types that users meet', () => {
  it('are as spec/public/types.ts expects', () => {
    expect(problems(expectations)).toBe('');
  });

  it('would be noticed if they were not', () => {
    const expected = read(path).match(/expectTypeOf[(<]|@ts-expect-error/g)?.length;
    expect(problems(contradictions).match(/error TS/g)).toHaveLength(expected ?? 0);
  });
});

/** Every single expectation turned into its contrary. */
function contradicted(code: string): string {
  return code
    .replaceAll('// @ts-expect-error', '//')
    .replaceAll(/^( *expectTypeOf.*)\.not\.to/gm, '$1.TO')
    .replaceAll(/^( *expectTypeOf.*)\.to/gm, '$1.not.to')
    .replaceAll('.TO', '.to');
}

function problems(file: string): string {
  return format(parsed.getSemanticDiagnostics(parsed.getSourceFile(file)));
}
