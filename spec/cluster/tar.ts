/** Entry is a file, a folder or a symbolic link in an archive. */
export interface Entry {
  /** Relative, with slashes. */
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** The bytes of a file, exactly `size`. */
  readonly content?: () => AsyncIterable<Buffer> | Iterable<Buffer>;
  /** What a symbolic link points to. */
  readonly target?: string;
  readonly isFolder?: boolean;
}

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** tar writes an archive in the ustar format: the same entries give the same bytes. */
export async function* tar(entries: Iterable<Entry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    yield header(entry);
    let size = 0;
    for await (const chunk of entry.content?.() ?? []) {
      size += chunk.length;
      yield chunk;
    }
    if (size !== entry.size) throw new Error(`${entry.path} has ${size}, not ${entry.size} bytes`);
    yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** file makes an entry of a file from its content. */
export function file(path: string, content: Buffer | string): Entry {
  const bytes = Buffer.from(content);
  return { path, mode: 0o644, size: bytes.length, content: () => [bytes] };
}

function header(entry: Entry): Buffer {
  const block = Buffer.alloc(BLOCK);
  const [prefix, name] = split(entry.isFolder ? `${entry.path}/` : entry.path);
  const target = entry.target ?? '';
  if (Buffer.byteLength(target) > NAME_BYTES) throw new Error(`link's target too long: ${target}`);
  const type = entry.isFolder ? '5' : entry.target === undefined ? '0' : '2';

  block.write(name, 0);
  block.write(octal(entry.mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(entry.size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write(target, 157);
  block.write('ustar\0' + '00', 257);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function octal(value: number, bytes: number): string {
  return `${value.toString(8).padStart(bytes - 1, '0')}\0`;
}

function split(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= NAME_BYTES) return ['', path];
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    const fits = Buffer.byteLength(prefix) <= PREFIX_BYTES;
    if (fits && name !== '' && Buffer.byteLength(name) <= NAME_BYTES) return [prefix, name];
  }
  throw new Error(`path too long for an archive: ${path}`);
}
