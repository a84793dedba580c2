import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { entryPoints, root } from './entry-points.ts';

export { entryPoints, root };

/** Reads a file of the project as text. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Everything of the project that belongs under version control, as paths from its root. */
export function projectFiles(): string[] {
  const ignored = [...read('.gitignore').split('\n'), '.git/'];
  const folders = new Set(ignored.map((line) => line.replace(/\/$/, '')));
  return globSync(['**/*', '.*', '.*/**/*'], {
    cwd: root,
    withFileTypes: true,
    exclude: (entry) => folders.has(entry.name),
  })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tgz'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** The README, which is missing in a young checkout only, and the pages under `docs/`. */
export function pages(): string[] {
  const inDocs = globSync('docs/**/*.md', { cwd: root }).sort();
  return existsSync(join(root, 'README.md')) ? ['README.md', ...inDocs] : inDocs;
}

/** The sources of the library, as paths from the root. */
export function sources(): string[] {
  return globSync('lib/**/*.ts', { cwd: root }).sort();
}

/** The root's compiler options, in which the package's names mean its sources. */
export function compilerOptions(): ts.CompilerOptions {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), undefined, {
    ...ts.sys,
    // The specs bring their own list of files.
    readDirectory: () => [],
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(format([problem]));
    },
  });
  if (!config) throw new Error('tsconfig.json cannot be read');
  return config.options;
}

/** A program of the library's sources, and of files that exist for it only: path to text. */
export function program(
  options: ts.CompilerOptions,
  virtual: ReadonlyMap<string, string> = new Map(),
): ts.Program {
  const host = ts.createCompilerHost(options);
  const onDisk = { ...host };
  host.fileExists = (path) => virtual.has(path) || onDisk.fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? onDisk.readFile(path);
  host.getSourceFile = (path, target) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, target, true);
  };
  const library = sources().map((path) => join(root, path));
  return ts.createProgram([...library, ...virtual.keys()], options, host);
}

/** Where a node is, as `lib/become.ts:12`. */
export function place(node: ts.Node): string {
  const file = node.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(node.getStart());
  return `${relative(root, file.fileName)}:${line + 1}`;
}

/** Diagnostics as people read them. */
export function format(diagnostics: readonly ts.Diagnostic[]): string {
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (path) => path,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  });
}
