/** How a host tells that something has happened to its zones. Types only. */
import type { ZoneRecord } from './zones.js';

/** Calls what it was given whenever there may be something new to see. Keeps no program running. */
export interface HostWatch {
  /**
   * Has it tell of these zones, and of no others. True where it tells of all that happens to them: their states, their inits
   * and the files that belong to them. Otherwise these have to be looked at by the clock, as datasets have to everywhere.
   */
  follow(zones: readonly ZoneRecord[]): boolean;
  close(): void;
}
