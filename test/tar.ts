/** Tar archives for tests, honest and hostile, written by hand: entries as blocks of 512 bytes. */

export interface TarEntry {
  readonly name: string;
  /** `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` folder, `6` fifo; default `0`. */
  readonly type?: string;
  readonly data?: string | Buffer;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  /** Records of a POSIX header before it. Text is taken as bytes. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** What the header tells of the data's length. */
  readonly claims?: number;
}

export const file = (name: string, data: string | Buffer = '', more: Partial<TarEntry> = {}): TarEntry => ({ name, data, ...more }); // prettier-ignore
export const folder = (name: string, more: Partial<TarEntry> = {}): TarEntry => ({ name, type: '5', mode: 0o755, ...more }); // prettier-ignore
export const symlink = (name: string, target: string): TarEntry => ({ name, type: '2', target });
export const hardLink = (name: string, target: string): TarEntry => ({ name, type: '1', target });

/** The archive of `entries`, with its end. */
export function tar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(blocksOf), Buffer.alloc(1024)]);
}

function blocksOf(entry: TarEntry): Buffer {
  const records = Object.entries(entry.pax ?? {}).map(([key, value]) => posixRecord(key, Buffer.from(value as string, 'latin1'))); // prettier-ignore
  const head = records.length === 0 ? [] : [oneEntry({ name: 'pax', type: 'x', data: Buffer.concat(records) })];
  return Buffer.concat([...head, oneEntry(entry)]);
}

function oneEntry({
  name,
  type = '0',
  data = '',
  target = '',
  mode = 0o644,
  uid = 0,
  gid = 0,
  mtime = 1_000_000,
  claims,
}: TarEntry): Buffer {
  // prettier-ignore
  const content = Buffer.isBuffer(data) ? data : Buffer.from(data);
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, size: number) =>
    header.write(value.toString(8).padStart(size - 1, '0'), at);
  header.write(name, 0, 100, 'latin1');
  octal(mode, 100, 8);
  octal(uid, 108, 8);
  octal(gid, 116, 8);
  octal(claims ?? content.length, 124, 12);
  octal(mtime, 136, 12);
  header.write(type, 156);
  header.write(target, 157, 100, 'latin1');
  header.write('ustar\u000000', 257);
  header.fill(0x20, 148, 156);
  octal(header.reduce((sum, byte) => sum + byte, 0), 148, 7); // prettier-ignore
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function posixRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
