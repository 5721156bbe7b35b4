/** Compressed data for tests, made by the programs of the system. */
import { spawnSync } from 'node:child_process';

function pack(program: string, data: Buffer): Buffer {
  const { status, stdout } = spawnSync(program, ['-c'], { input: data, maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${program} failed`);
  return stdout;
}

export const gzip = (data: Buffer): Buffer => pack('gzip', data);
export const bzip2 = (data: Buffer): Buffer => pack('bzip2', data);
export const xz = (data: Buffer): Buffer => pack('xz', data);
