/** `zstream dump` of OpenZFS, which checks every checksum of a stream and counts its records. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `bin/setup.mjs --for-tests` unpacks it, and where the package puts it. */
const unpacked = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.cache/zfsutils');
const program = [join(unpacked, 'sbin/zstream'), '/sbin/zstream', '/usr/sbin/zstream'].find((path) => existsSync(path));

/** Why streams are not shown to it; undefined where it is there. */
export const noZstream = program === undefined ? 'zstream (Debian: zfsutils-linux) is not there' : undefined;

/** Records and payload bytes by the name of the record, `total` and `length`. Throws what zstream says of a bad stream. */
export async function dumpStream(stream: Buffer): Promise<Record<string, number>> {
  const env = { ...process.env, LD_LIBRARY_PATH: join(unpacked, 'lib/x86_64-linux-gnu') };
  const text = await new Promise<string>((resolve, reject) => {
    const child = execFile(program ?? 'zstream', ['dump'], { env, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error === null && stderr === '') resolve(stdout);
      else reject(new Error(`zstream: ${stderr} ${stdout.slice(-1000)}`, { cause: error }));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stream);
  });
  const counts = [...text.matchAll(/Total DRR_(\w+) records = (\d+)/g)].map(([, name = '', count]) => [
    name,
    Number(count),
  ]);
  const total = /Total records = (\d+)/.exec(text)?.[1];
  const length = /Total stream length = (\d+)/.exec(text)?.[1];
  return Object.fromEntries([...counts, ['total', Number(total)], ['length', Number(length)]]) as Record<
    string,
    number
  >;
}
