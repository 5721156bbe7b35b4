/** For commands that have more to do than most, but end soon all the same. */

/** Fewer VMs are read sooner than the module that takes flags is loaded. */
const manyVms = 100;

/**
 * To be told how many VMs are going to be read: of many, has V8 put off what it optimizes by a factor of eight. By default
 * it spends as long on the functions that read a thousand VMs as these then take, and ends before it gets anything back.
 */
export async function expectVms(count: number): Promise<void> {
  if (count < manyVms) return;
  const { setFlagsFromString } = await import('node:v8');
  // Bytes of bytecode that a function runs before it is worth a look; those that loop on and on are optimized soon enough.
  setFlagsFromString('--interrupt-budget=1000000');
}
