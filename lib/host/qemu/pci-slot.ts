/** PCI slots as text: `BUS:DEVICE:FUNCTION`. Pure. */

export interface PciSlot {
  readonly bus: number;
  readonly device: number;
  readonly fn: number;
}

export const functionsEach = 8;

/** Reads `DEVICE`, `DEVICE:FUNCTION` or `BUS:DEVICE:FUNCTION`; undefined when the text is none of them. */
export function parsePciSlot(text: string): PciSlot | undefined {
  const parts = /^(?:(?:(\d{1,3}):)?(\d{1,2}):(\d))$|^(\d{1,2})$/.exec(text);
  if (parts === null) return undefined;
  const bus = Number(parts[1] ?? 0);
  const device = Number(parts[2] ?? parts[4]);
  const fn = Number(parts[3] ?? 0);
  return bus < 256 && device < 32 && fn < functionsEach ? { bus, device, fn } : undefined;
}
