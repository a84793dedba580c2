import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const CHUNK = 65_536;

/** A file of lines that others append to. */
export class GrowingFile {
  readonly #path: string;
  #offset = 0;
  #unfinished = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** From here on, only what is added from now on. */
  skip(): void {
    const file = openSync(this.#path, 'r');
    this.#offset = fstatSync(file).size;
    this.#unfinished = '';
    closeSync(file);
  }

  /** The lines that were completed since the last call. */
  readLines(): string[] {
    const bytes = readFrom(this.#path, this.#offset);
    this.#offset += bytes.length;
    // A character's bytes may be cut apart: they are put together again as they are.
    const lines = (this.#unfinished + bytes.toString('latin1')).split('\n');
    this.#unfinished = lines.pop() ?? '';
    return lines.map((line) => Buffer.from(line, 'latin1').toString());
  }
}

function readFrom(path: string, offset: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let position = offset; ;) {
      const chunk = Buffer.alloc(CHUNK);
      const length = readSync(file, chunk, 0, chunk.length, position);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
      position += length;
    }
  } finally {
    closeSync(file);
  }
}
