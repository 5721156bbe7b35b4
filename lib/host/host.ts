/** The five interfaces of a host together with what only some hosts can do. Types only. */
import type { HostWatch } from './changes.js';
import type { Datasets } from './datasets.js';
import type { Hvm } from './hvm.js';
import type { LayerWriter } from './layers.js';
import type { HostLinks } from './links.js';
import type { SysinfoReader } from './sysinfo.js';
import type { Zones } from './zones.js';

export interface HostFeatures {
  /** Kernel personality of OS zones. */
  readonly guestOs: 'linux' | 'smartos';
}

export interface Host {
  readonly zones: Zones;
  readonly datasets: Datasets;
  readonly links: HostLinks;
  readonly sysinfo: SysinfoReader;
  readonly hvm?: Hvm;
  readonly layers?: LayerWriter;
  readonly features: HostFeatures;
  /** Calls `changed` whenever something may have happened to a zone, until the watch is closed. */
  watch(changed: () => void): HostWatch;
  /** Path of the state on this host: `at('/etc/zones')` below the root prefix. */
  at(absolutePath: string): string;
  close(): Promise<void>;
}
