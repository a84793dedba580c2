// Writes the help texts into docs/cli.md: node spec/cli/help.ts --write
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../lib/cli/main.ts';
import { root } from '../public/entry-points.ts';

const PAGE = join(root, 'docs/cli.md');

/** A help text, and the command that prints it. */
const BLOCK = /<!-- help (.*?)-->\n\n```text\n.*?```/gs;

/** What the command line prints and ends with, within this process. */
export async function cli(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' };
  const code = await main(args, variables, {
    stdout: (text) => void (printed.stdout += text),
    stderr: (text) => void (printed.stderr += text),
  });
  return { code, ...printed };
}

/** The page as it should be, with the help texts of today. */
export async function page(): Promise<string> {
  const text = readFileSync(PAGE, 'utf8');
  const names = Array.from(text.matchAll(BLOCK), ([, name = '']) => name);
  const blocks = await Promise.all(
    names.map(async (name) => {
      const { stdout } = await cli([...name.split(' ').filter(Boolean), '--help']);
      return `<!-- help ${name}-->\n\n\`\`\`text\n${stdout}\`\`\``;
    }),
  );
  return text.replace(BLOCK, () => blocks.shift() ?? '');
}

if (process.argv.includes('--write')) writeFileSync(PAGE, await page());
