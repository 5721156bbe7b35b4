/** Makes files of a real send stream, for the stand-in: FILE TARGET LEDGER ORIGIN-LEDGER|-. Prints the size of a volume. */
import { createReadStream } from 'node:fs';
import { describeError } from '../../../lib/errors.js';
import { receiveStream } from '../../../lib/host/zfs-stream/receive.js';

const [file = '', path = '', ledger = '', originLedger = '-'] = process.argv.slice(2);
try {
  const target = { path, ledger, originLedger: originLedger === '-' ? undefined : originLedger };
  const { volsizeBytes } = await receiveStream(createReadStream(file), () => Promise.resolve(target));
  process.stdout.write(`${volsizeBytes ?? 0}\n`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
