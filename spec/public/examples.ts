import { pages, read, sources } from './project.ts';

/** One `ts` block of a page. */
export interface Example {
  /** `docs/testing.md:12`, where its code starts. */
  place: string;
  /** As many lines as the page has, blank but for the code, so that lines mean the same in both. */
  code: string;
  /** Whether it is a program that has to run. */
  runs: boolean;
  /** What it has to print. */
  prints?: string;
}

interface Block {
  language: string;
  /** Index of the line after the fence. */
  start: number;
  lines: string[];
  comments: { text: string; start: number }[];
}

const KNOWN = /^(?:run|prints|continues|given)\b/;

/** Those of the pages, and those in the doc comments of the library. */
export function allExamples(): Example[] {
  return [
    ...pages().flatMap((path) => examplesOf(path, read(path))),
    ...sources().flatMap((path) => examplesInComments(path, read(path))),
  ];
}

/** The examples of a Markdown page; `.github/CONTRIBUTING.md` explains the comments. */
export function examplesOf(path: string, page: string): Example[] {
  const examples: Example[] = [];
  let previous = new Map<number, string>();
  for (const block of blocksOf(page)) {
    if (has(block, 'prints')) {
      const last = examples.at(-1);
      if (!last?.runs)
        throw new Error(`${path}:${block.start}: nothing runs that could print this`);
      last.prints = block.lines.join('\n');
    }
    if (!/^(?:ts|typescript|js|javascript)\b/.test(block.language)) continue;
    if (block.language !== 'ts') {
      throw new Error(`${path}:${block.start}: only \`ts\` blocks are checked, so write it as one`);
    }
    const code = new Map(has(block, 'continues') ? previous : []);
    for (const { text, start } of block.comments.filter((comment) =>
      comment.text.startsWith('given'),
    )) {
      text
        .slice('given'.length)
        .split('\n')
        .forEach((line, i) => code.set(start + i, line));
    }
    block.lines.forEach((line, i) => code.set(block.start + i, line));
    previous = code;
    const last = Math.max(...code.keys());
    examples.push({
      place: `${path}:${block.start + 1}`,
      code: Array.from({ length: last + 1 }, (_, i) => code.get(i) ?? '').join('\n'),
      runs: has(block, 'run'),
    });
  }
  return examples;
}

/** The fenced examples in the doc comments of a source file. */
export function examplesInComments(path: string, source: string): Example[] {
  const lines = source.split('\n');
  const page = lines.map((line) => /^ *\* ?(.*)$/.exec(line)?.[1] ?? '').join('\n');
  return examplesOf(path, page);
}

function has(block: Block, word: string): boolean {
  return block.comments.some(({ text }) => text === word);
}

/** The fenced blocks of a Markdown page. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  const lines = page.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const [, fence, language = ''] = /^ *(```+)(.*)$/.exec(lines[i] ?? '') ?? [];
    if (!fence) continue;
    const end = lines.findIndex((line, j) => j > i && line.trim() === fence);
    if (end < 0) throw new Error(`the block in line ${i + 1} does not end`);
    const comments = commentsBefore(lines, i);
    blocks.push({ language, start: i + 1, lines: lines.slice(i + 1, end), comments });
    i = end;
  }
  return blocks;
}

/** The comments right before a line, apart from blank lines. */
function commentsBefore(lines: readonly string[], fence: number): Block['comments'] {
  const comments: Block['comments'] = [];
  let end = fence - 1;
  for (;;) {
    while (lines[end]?.trim() === '') end--;
    if (!lines[end]?.endsWith('-->')) return comments;
    let start = end;
    while (start >= 0 && !lines[start]?.startsWith('<!--')) start--;
    const text = lines
      .slice(start, end + 1)
      .join('\n')
      .slice('<!--'.length, -'-->'.length);
    const trimmed = text.replace(/^ /, '').replace(/ $/, '');
    if (KNOWN.test(trimmed)) comments.push({ text: trimmed, start });
    end = start - 1;
  }
}
