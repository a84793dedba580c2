/** Run by itself, it puts the results in `docs/benchmark` into `docs/benchmark.md` and its pictures. */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

import { toSvg } from './plot.ts';
import { type Result, SUITES, type Suite, plotOf, tablesOf } from './suites.ts';

const FOLDER = new URL('../../docs/benchmark/', import.meta.url);
const PAGE = new URL('../../docs/benchmark.md', import.meta.url);

/** What `npm run bench -- --json` wrote with `--cluster`, `--lease`, `--pods` and `--light`. */
export interface Results {
  readonly cluster: Result;
  readonly lease: Result;
  readonly pods: Result;
  readonly light: Result;
}

/** In Markdown, by the names that their marks in the page have. */
export function tablesOfPage({ cluster, lease, pods, light }: Results): Map<string, string> {
  return new Map([
    ...tablesOf(SUITES.cluster, cluster),
    ...prefixed('lease', tablesOf(SUITES.lease, lease)),
    ...prefixed('pods', tablesOf(SUITES.pods, pods)),
    ...prefixed('light', tablesOf(SUITES.light, light)),
  ]);
}

function prefixed(
  prefix: string,
  tables: ReadonlyMap<string, string>,
): (readonly [string, string])[] {
  return [...tables].map(([name, table]) => [`${prefix}-${name}`, table] as const);
}

/** Replaces what is between the marks in the page by what was measured, and leaves the rest. */
export async function fillIn(page: string, tables: ReadonlyMap<string, string>): Promise<string> {
  const filled = page.replaceAll(
    /(<!-- measured: ([\w-]+) -->\n).*?(<!-- \/measured -->)/gs,
    (_, begin: string, name: string, end: string) => {
      const table = tables.get(name);
      if (table === undefined) throw new TypeError(`nothing is measured that is called ${name}`);
      return `${begin}\n${table}\n\n${end}`;
    },
  );
  const style = await resolveConfig(PAGE);
  return format(filled, { ...style, parser: 'markdown' });
}

/** Puts a stored result in the style of all that is stored, and draws it. */
async function store(suite: Suite, name: string, picture: string): Promise<Result> {
  const url = new URL(name, FOLDER);
  const json = await readFile(url, 'utf8');
  await writeFile(url, await format(json, { ...(await resolveConfig(url)), parser: 'json' }));
  const result = JSON.parse(json) as Result;
  await writeFile(new URL(picture, FOLDER), toSvg(plotOf(suite, result)));
  return result;
}

if (import.meta.main) {
  const results = {
    cluster: await store(SUITES.cluster, 'result.json', 'handover.svg'),
    lease: await store(SUITES.lease, 'lease.json', 'lease.svg'),
    pods: await store(SUITES.pods, 'pods.json', 'pods.svg'),
    light: await store(SUITES.light, 'light.json', 'light.svg'),
  };
  await writeFile(PAGE, await fillIn(await readFile(PAGE, 'utf8'), tablesOfPage(results)));
}
