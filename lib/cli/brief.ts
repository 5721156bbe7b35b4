/** For commands that have more to do than most, but end soon all the same. */
import { versions } from 'node:process';

/** Fewer VMs, and shorter streams, are read sooner than the module that takes flags is loaded. */
const manyVms = 100;
const longStreamBytes = 8 * 1024 * 1024;

/** To be told how many VMs are going to be read. */
export async function expectVms(count: number): Promise<void> {
  if (count >= manyVms) await optimizeLate();
}

/** To be told of a stream that is going to be read, and of how many bytes if that is known. */
export async function expectStream(bytes = Infinity): Promise<void> {
  if (bytes >= longStreamBytes) await optimizeLate();
}

/**
 * Has V8 put off what it optimizes by a factor of eight. By default it spends as long on the functions that read a thousand
 * VMs as these then take, and a fifth of what a stream of some 100 MB takes, and ends before it gets anything back.
 */
async function optimizeLate(): Promise<void> {
  // Of Node 20. Later ones have a quicker compiler for such times, and know no such flag.
  if (!versions.v8.startsWith('11.3.')) return;
  const { setFlagsFromString } = await import('node:v8');
  // Bytes of bytecode that a function runs before it is worth a look; those that loop on and on are optimized soon enough.
  setFlagsFromString('--interrupt-budget=1000000');
}
