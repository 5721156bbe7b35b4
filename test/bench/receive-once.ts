/** `receive-once.ts FILE TARGET`: receives one stream in a new process and prints what that took, start-up left out. */
import { mkdirSync, statSync } from 'node:fs';
import { expectStream } from '../../lib/cli/brief.js';
import { receiveStream } from '../../lib/host/zfs-stream/receive.js';
import { decompress } from '../../lib/img/codec.js';
import { readInRooms } from '../../lib/img/rooms.js';

async function main(file: string, target: string): Promise<void> {
  mkdirSync(target);
  const data = readInRooms(file);
  const stream = file.endsWith('.gz') ? await decompress(data, 'gzip', Infinity) : data;
  const before = process.cpuUsage();
  const start = process.hrtime.bigint();
  await expectStream(statSync(file).size);
  const open = { path: target, ledger: `${target}.ledger`, originLedger: undefined };
  const { bytes } = await receiveStream(stream, () => Promise.resolve(open));
  const { user, system } = process.cpuUsage(before);
  const taken = Number(process.hrtime.bigint() - start) / 1e6;
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ bytes, taken, cpu: (user + system) / 1e3, peakMiB }));
}

const [, , file = '', target = ''] = process.argv;
void main(file, target);
