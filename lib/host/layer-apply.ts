/**
 * Puts a layer of a container image over those below it: entries replace what is there, folders are merged, whiteouts take
 * away what the layers below have (OCI image specification, "Image Layer Filesystem Changeset").
 */
import type { Readable } from 'node:stream';
import { codeOf, hasCode } from '../errors.js';
import { endOnAbort } from './end-on-abort.js';
import { loadNative } from './native.js';
import type { NativeTree } from './native-linux.js';
import { FileType } from './zfs-stream/attributes.js';
import type { Time } from './zfs-stream/command-list.js';
import { Commands } from './zfs-stream/commands.js';
import { invalidLayer, LayerArchive, unsupportedLayer, type ArchiveEntry } from './layer-archive.js';
import { sparsePieces, sparseSize, type Piece } from './layer-sparse.js';

interface Loss {
  readonly path: string;
  readonly what: string;
}

const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';
/** What one filesystem kept for itself; it has got into archives. */
const foreignPrefix = '.wh..wh.';
const mostLosses = 1000;
/** What is remembered of entries until the end is to fit into memory; honest layers have a tenth of it. */
const usualMostEntries = 2_000_000;

/** {@link LayerWriter.apply}. More than `mostEntries` are not supported. */
export async function applyLayer(
  folder: string,
  archive: Readable,
  signal: AbortSignal,
  mostEntries = usualMostEntries,
  tree: NativeTree = loadNative('tree'),
): Promise<readonly Loss[]> {
  signal.throwIfAborted();
  const source = new LayerArchive(archive);
  const layer = new LayerChange(tree, folder, mostEntries);
  const letGo = endOnAbort(archive, signal);
  try {
    for await (const entry of source.entries()) await layer.add(entry);
    return await layer.finish();
  } catch (error) {
    signal.throwIfAborted();
    throw explained(source.reasonOf(error));
  } finally {
    letGo();
    await layer.close();
  }
}

/** What the system says to names and links that cannot be is the layer's fault. */
function explained(error: unknown): unknown {
  if (!hasCode(error, 'HostFailed')) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  const reason = mishaps[codeOf(cause) ?? ''];
  return reason === undefined ? error : invalidLayer(reason, cause);
}

const mishaps: Readonly<Record<string, string>> = {
  ELOOP: 'symbolic links go in a circle',
  ENOENT: 'a hard link is to something that is not there',
  EISDIR: 'a hard link is to a folder',
  ENOTDIR: 'a name leads over something that is no folder',
  EXDEV: 'a name leads out of it',
};

class LayerChange {
  readonly #commands: Commands;
  /** Where entries with attributes are, by their number. */
  readonly #paths = new Map<number, string>();
  readonly #losses: Loss[] = [];
  /** Of folders, whose times change with all that is put into them. */
  readonly #times: { readonly path: string; readonly accessed: Time; readonly modified: Time }[] = [];
  readonly #mostEntries: number;
  #folder: string | undefined;
  #count = 0;

  constructor(tree: NativeTree, folder: string, mostEntries: number) {
    this.#mostEntries = mostEntries;
    this.#commands = new Commands(tree.openLayer(folder), (entry, key) => {
      const path = this.#paths.get(entry) ?? '';
      if (this.#losses.length < mostLosses) {
        this.#losses.push({ path, what: `extended attribute ${key}, which the filesystem cannot hold` });
      }
    });
  }

  async add(entry: ArchiveEntry): Promise<void> {
    const { path, type, data } = entry;
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const folder = slash < 0 ? '' : path.slice(0, slash);
    this.#count += 1;
    if (this.#count > this.#mostEntries) throw unsupportedLayer(`more than ${this.#mostEntries} entries`);
    if (isForeign(path)) data.resume();
    else if (path === '') this.#changeRoot(entry);
    else if (name.startsWith(whiteoutPrefix)) this.#takeAway(folder, name, entry);
    else if (type === 'file') await this.#addFile(folder, name, entry);
    else this.#addOther(folder, name, entry);
    if (this.#commands.full) await this.#commands.flush();
  }

  async finish(): Promise<readonly Loss[]> {
    for (const { path, accessed, modified } of this.#times) {
      this.#commands.folderTimes(bytes(path), accessed, modified);
      if (this.#commands.full) await this.#commands.flush();
    }
    await this.#commands.finish();
    return this.#losses;
  }

  async close(): Promise<void> {
    await this.#commands.close();
  }

  #enter(folder: string): void {
    if (this.#folder === folder) return;
    this.#commands.enter(bytes(folder));
    this.#folder = folder;
  }

  #changeRoot(entry: ArchiveEntry): void {
    entry.data.resume();
    if (entry.type !== 'directory') throw invalidLayer('its root is no folder');
    this.#enter('');
    this.#describeFolder('', entry);
  }

  #takeAway(folder: string, name: string, { type, data }: ArchiveEntry): void {
    data.resume();
    if (type === 'directory') throw invalidLayer(`the whiteout ${JSON.stringify(name)} is a folder`);
    this.#enter(folder);
    if (name === opaqueMarker) {
      this.#commands.empty();
      return;
    }
    const hidden = name.slice(whiteoutPrefix.length);
    if (['', '.', '..'].includes(hidden)) throw invalidLayer(`there is a whiteout of ${JSON.stringify(hidden)}`);
    this.#commands.whiteout(bytes(hidden));
  }

  async #addFile(folder: string, name: string, entry: ArchiveEntry): Promise<void> {
    const { records, data } = entry;
    this.#begin(folder, name, entry);
    const size = sparseSize(records);
    for await (const { bytes: piece, offset } of size === undefined ? pieces(data) : sparsePieces(records, data)) {
      this.#commands.write(piece, 0, piece.length, offset);
      if (this.#commands.full) await this.#commands.flush();
    }
    if (size !== undefined) this.#commands.resize(size);
    this.#settle(name, entry);
  }

  /** Makes an empty file, which content goes to. */
  #begin(folder: string, name: string, { mode }: ArchiveEntry): void {
    this.#enter(folder);
    this.#commands.clear(bytes(name), false);
    this.#commands.makeFile(bytes(name), mode & 0o700);
  }

  #settle(name: string, entry: ArchiveEntry): void {
    const { uid, gid, mode, accessed, modified } = entry;
    this.#commands.settle(uid, gid, mode, accessed, modified);
    this.#addAttributes(name, entry);
  }

  #addOther(folder: string, name: string, entry: ArchiveEntry): void {
    const { type, target, mode, uid, gid, accessed, modified, data } = entry;
    data.resume();
    this.#enter(folder);
    switch (type) {
      case 'link':
        this.#commands.linkTo(bytes(name), bytes(target));
        return;
      case 'device':
        // As on SmartOS, an empty file: what devices a zone has is not for its image to say.
        this.#begin(folder, name, entry);
        this.#settle(name, entry);
        return;
      case 'directory':
        this.#commands.clear(bytes(name), true);
        this.#commands.layFolder(bytes(name));
        this.#describeFolder(name, entry);
        return;
      case 'symlink':
        if (target === '') throw invalidLayer('a symbolic link leads nowhere');
        this.#commands.clear(bytes(name), false);
        this.#commands.symlink(bytes(name), bytes(target));
        this.#commands.owner(bytes(name), uid, gid, FileType.symlink | 0o777);
        break;
      default:
        this.#commands.clear(bytes(name), false);
        this.#commands.makeNode(bytes(name), FileType.fifo, 0, 0);
        this.#commands.owner(bytes(name), uid, gid, FileType.fifo | mode);
        this.#addAttributes(name, entry);
    }
    this.#commands.times(bytes(name), accessed, modified);
  }

  #describeFolder(name: string, entry: ArchiveEntry): void {
    const { path, uid, gid, mode, accessed, modified } = entry;
    this.#commands.owner(bytes(name), uid, gid, FileType.directory | mode);
    this.#commands.clearAttributes(bytes(name));
    this.#addAttributes(name, entry);
    this.#times.push({ path, accessed, modified });
  }

  /** After the owner, whose change takes capabilities away. */
  #addAttributes(name: string, { path, attributes }: ArchiveEntry): void {
    for (const [key, value] of attributes) {
      this.#paths.set(this.#count, path);
      this.#commands.attribute(this.#count, bytes(name), key, value);
    }
  }
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function isForeign(path: string): boolean {
  if (!path.includes(foreignPrefix)) return false;
  const parts = path.split('/');
  return parts.some(
    (part, at) => part.startsWith(foreignPrefix) && !(part === opaqueMarker && at === parts.length - 1),
  );
}

async function* pieces(data: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let offset = 0;
  for await (const chunk of data) {
    yield { bytes: chunk, offset };
    offset += chunk.length;
  }
}
