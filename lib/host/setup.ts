/** Setting up a host: what somebody may wish for, and what there is in the end. Types only. */
import type { Pool } from './datasets.js';

/** What is absent stays as it is or, on a new host, as it is by default. */
export interface SetupWish {
  /** Block device for the pool, which holds nothing yet. */
  readonly device?: string | undefined;
  /** File for the pool; made when missing. */
  readonly file?: string | undefined;
  /** Size of that file, which takes only what is written to it. */
  readonly sizeGiB?: number | undefined;
  /** IPv4 network in CIDR form that the nic tag `admin` is served as. */
  readonly subnet?: string | undefined;
  /** Bridge of the host that the nic tag `admin` is instead. */
  readonly bridge?: string | undefined;
}

export interface SetupReport {
  readonly pool: Pool;
  /** File or device that the pool is kept on. */
  readonly storage: string;
  readonly nicTag: string;
  readonly bridge: string;
  /** Network that the host serves there, in CIDR form. */
  readonly subnet: string | undefined;
}
