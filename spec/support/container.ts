import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { type Environment, SERVICE_ACCOUNT_PATH } from '../../lib/kubernetes/environment.ts';

/** The file system and the variables of a container, for one spec. */
export class Container implements Environment, Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'leader-for-life-'));
  readonly variables: Record<string, string | undefined>;

  /** With a service account of these files. */
  constructor(
    files: Readonly<Record<string, string>> = {},
    variables: Readonly<Record<string, string | undefined>> = {},
  ) {
    this.variables = { ...variables };
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  /** Where a file of the service account is. */
  path(name: string): string {
    return join(this.root, SERVICE_ACCOUNT_PATH, name);
  }

  write(name: string, content: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
