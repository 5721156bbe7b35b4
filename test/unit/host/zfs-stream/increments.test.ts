/** Increments between random filesystems: base and increment must give what the full stream gives. */
import { describe, it, after } from 'node:test';
import fc from 'fast-check';
import { entryOf, fileBonus, FilesystemWriter, Fixed, Mode } from '../../../zfs-stream/filesystem.js';
import { assertSameTree, listTree } from '../../../zfs-stream/listing.js';
import { ReceiveRoot, skipReason } from '../../../zfs-stream/received.js';
import { padded, StreamWriter } from '../../../zfs-stream/writer.js';

/** An object of the filesystem; its number is where it stands in the list. */
interface Node {
  readonly kind: 'directory' | 'file' | 'symlink' | 'fifo';
  readonly generation: number;
  readonly content: string;
  readonly seconds: number;
  /** Directory of each name, by position in the list of all directories. */
  readonly names: readonly { readonly directory: number; readonly name: string }[];
}

type Snapshot = ReadonlyMap<number, Node>;

const numbers = Array.from({ length: 12 }, (_, index) => Fixed.first + index);

/** A filesystem from random choices: `before` lets objects stay what they were, wherever they are now. */
function snapshot(choices: readonly (readonly number[])[], before: Snapshot, generation: number): Snapshot {
  const nodes = new Map<number, Node>();
  const directories = [Fixed.root];
  const taken = new Set<string>();
  for (const [index, number] of numbers.entries()) {
    const [fate = 0, kind = 0, at = 0, name = 0, more = 0] = choices[index] ?? [];
    const old = before.get(number);
    if (fate % 4 === 0) continue;
    const stays = old !== undefined && fate % 4 !== 1;
    const what = stays ? old.kind : (['directory', 'file', 'file', 'symlink', 'fifo'] as const)[kind % 5];
    const names = [];
    for (const pick of what === 'file' && more % 3 === 0 ? [at, more] : [at]) {
      const directory = directories[pick % directories.length] ?? Fixed.root;
      const text = `n${(name + pick) % 6}`;
      if (taken.has(`${directory} ${text}`)) continue;
      taken.add(`${directory} ${text}`);
      names.push({ directory, name: text });
    }
    if (names.length === 0) continue;
    const content =
      stays && (what !== 'file' || more % 2 === 0) ? old.content : `content ${number} ${generation} ${more}`;
    nodes.set(number, {
      kind: what ?? 'file', generation: stays ? old.generation : generation, content, seconds: 1_600_000_000 + at, names,
    }); // prettier-ignore
    if (what === 'directory') directories.push(number);
  }
  return nodes;
}

function entriesOf(nodes: Snapshot, directory: number): [string, bigint][] {
  const modes = { directory: Mode.directory, file: Mode.file, symlink: Mode.symlink, fifo: Mode.fifo };
  return [...nodes].flatMap(([number, node]) =>
    node.names
      .filter((each) => each.directory === directory)
      .map((each): [string, bigint] => [each.name, entryOf(number, modes[node.kind])]),
  );
}

/** OBJECT, FREE and WRITE of every object, as a sender does that finds all changed. */
function writeObjects(writer: StreamWriter, nodes: Snapshot): void {
  const table = (number: number, generation: number, seconds: number): void => {
    const block = writer.microZap(entriesOf(nodes, number));
    const bonus = fileBonus(writer, { mode: Mode.directory | 0o755, generation, seconds });
    writer.object(number, { type: 20, blockSize: block.length, bonus });
    writer.free(number, block.length).write(number, 0, block);
  };
  table(Fixed.root, 1, 1_500_000_000);
  for (const number of numbers) {
    const node = nodes.get(number);
    if (node === undefined) {
      writer.freeObjects(number, 1);
      continue;
    }
    const { kind, generation, content, seconds, names } = node;
    if (kind === 'directory') {
      table(number, generation, seconds);
      continue;
    }
    const fields = { generation, seconds, links: names.length };
    if (kind === 'file') {
      const bonus = fileBonus(writer, { mode: Mode.file | 0o640, size: content.length, ...fields });
      writer.object(number, { type: 19, bonus }).free(number, 512);
      writer.write(number, 0, padded(Buffer.from(content), 512));
    } else {
      const node = kind === 'fifo' ? { mode: Mode.fifo | 0o600 } : { mode: Mode.symlink | 0o777, symlink: content };
      writer.object(number, { type: 19, bonus: fileBonus(writer, { ...node, ...fields }) }).free(number, 0);
    }
  }
}

function full(nodes: Snapshot, guid: bigint): Buffer {
  const writer = new FilesystemWriter({ guid });
  writeObjects(writer, nodes);
  return writer.end().take();
}

describe('increments', { skip: skipReason }, () => {
  const root = new ReceiveRoot();
  after(() => root.remove());

  it('lead to what the full stream of the same snapshot gives, one after the other', async () => {
    const choice = fc.array(fc.array(fc.nat(20), { minLength: 5, maxLength: 5 }), { minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(choice, choice, choice, async (first, second, third) => {
        let nodes = snapshot(first, new Map(), 10);
        let state = await root.receive(full(nodes, 1n));
        for (const [guid, choices] of [[2n, second], [3n, third]] as const) {
          nodes = snapshot(choices, nodes, 10 + Number(guid));
          const writer = new StreamWriter({ guid, fromGuid: guid - 1n });
          writeObjects(writer, nodes);
          state = await root.receive(writer.end().take(), state);
          const whole = await root.receive(full(nodes, guid));
          assertSameTree(await listTree(state.path), await listTree(whole.path));
        } // prettier-ignore
      }),
      { numRuns: 10, includeErrorInReport: true },
    );
  });
});
