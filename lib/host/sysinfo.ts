/** Facts about the machine, under the names that `sysinfo(8)` of SmartOS uses where clients read them. Types only. */

export interface Sysinfo {
  /** Stable identity of the machine. */
  readonly uuid: string;
  /** `uname -v`-like stamp of the platform, e.g. `20260102T030405Z`, or the kernel's version on Linux. */
  readonly liveImage: string;
  /** `SDC Version` of SmartOS; absent elsewhere. */
  readonly sdcVersion?: string;
  readonly datacenter: string | undefined;
  readonly headnodeId: string | undefined;
  /** `linux` or `smartos`: which images run here natively. */
  readonly os: 'linux' | 'smartos';
  readonly zpool: string | undefined;
}

export interface SysinfoReader {
  read(): Promise<Sysinfo>;
}
