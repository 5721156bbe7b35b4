/** Machines of a Linux host, loaded when one is asked for: most commands never do. */
import type { Hvm } from '../hvm.js';
import type { LinuxHvmOptions } from './hvm.js';

export function lazyHvm(options: LinuxHvmOptions): Hvm {
  let loaded: Promise<Hvm> | undefined;
  const hvm = () => (loaded ??= import('./hvm.js').then(({ createLinuxHvm }) => createLinuxHvm(options)));
  return {
    prepare: async (vm, boot) => (await hvm()).prepare(vm, boot),
    powerDown: async (zone) => (await hvm()).powerDown(zone),
    reset: async (zone) => (await hvm()).reset(zone),
    interrupt: async (zone) => (await hvm()).interrupt(zone),
    screenshot: async (zone) => (await hvm()).screenshot(zone),
    info: async (zone, types) => (await hvm()).info(zone, types),
    reloadDisplays: async (vm) => (await hvm()).reloadDisplays(vm),
  };
}
