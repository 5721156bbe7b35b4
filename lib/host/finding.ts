/** What an examination of a host finds. Types only. */

export interface Finding {
  /** What kind of thing was looked at. */
  readonly area: 'kernel' | 'library' | 'program' | 'service' | 'storage' | 'network' | 'path';
  readonly subject: string;
  /** `absent`: not there, and only some VMs miss it. */
  readonly state: 'right' | 'wrong' | 'absent';
  /** What was found: a version, a count, a reason. */
  readonly found: string;
  /** What would put it right; never of what is right. */
  readonly remedy?: string;
}
