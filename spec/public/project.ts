import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob, relative } from 'node:path';
import ts from 'typescript';
import { entryPoints, root } from './entry-points.ts';

export { entryPoints, root };

/** Reads a file of the project as text. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/**
 * The files that git tracks, as paths from the root; with a pattern, those that match it. What else
 * lies about in a checkout is its owner's business.
 */
export function projectFiles(pattern?: string): string[] {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  return tracked
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .filter((path) => pattern === undefined || matchesGlob(path, pattern))
    .sort();
}

/** The README and the pages under `docs/`. */
export function pages(): string[] {
  return ['README.md', ...projectFiles('docs/**/*.md')];
}

/** The sources of the library, as paths from the root. */
export function sources(): string[] {
  return projectFiles('lib/**/*.ts');
}

/** The statements of a file. */
export function declarations(path: string): ts.Statement[] {
  return [...ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true).statements];
}

/** The members of a union of strings, sorted. */
export function unionMembers(path: string, name: string): string[] {
  return declarations(path)
    .filter((node) => ts.isTypeAliasDeclaration(node))
    .filter((node) => node.name.text === name)
    .flatMap(({ type }) => (ts.isUnionTypeNode(type) ? [...type.types] : [type]))
    .map((type) => type.getText().replaceAll("'", ''))
    .sort();
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

/** What is on disk, which programs share: parsing it takes longer than what they do with it. */
const parsedFiles = new Map<string, ts.SourceFile>();

/** A program of the library's sources, and of files that exist for it only: path to text. */
export function program(
  options: ts.CompilerOptions,
  virtual: ReadonlyMap<string, string> = new Map(),
  roots: readonly string[] = [...sources().map((path) => join(root, path)), ...virtual.keys()],
): ts.Program {
  const host = ts.createCompilerHost(options);
  const onDisk = { ...host };
  // Without it the compiler also looks into folders that hold nothing on disk.
  delete host.directoryExists;
  host.fileExists = (path) => virtual.has(path) || onDisk.fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? onDisk.readFile(path);
  host.getSourceFile = (path, target) => {
    const known = virtual.has(path) ? undefined : parsedFiles.get(path);
    const text = known ? undefined : host.readFile(path);
    if (text === undefined) return known;
    const file = ts.createSourceFile(path, text, target, true);
    if (!virtual.has(path)) parsedFiles.set(path, file);
    return file;
  };
  return ts.createProgram(roots, options, host);
}

/** Where a node is, as `lib/life/become.ts:12`. */
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
