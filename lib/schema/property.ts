/** What a row of the property table says. Every other list of properties is derived from the rows. Types and brand groups only. */

export const brands = ['bhyve', 'builder', 'joyent', 'joyent-minimal', 'kvm', 'lx'] as const;
export type Brand = (typeof brands)[number];

/** Brands by what runs in them. */
export const any: readonly Brand[] = [...brands];
export const os: readonly Brand[] = ['builder', 'joyent', 'joyent-minimal', 'lx'];
export const hvm: readonly Brand[] = ['bhyve', 'kvm'];
export const notBhyve: readonly Brand[] = ['builder', 'joyent', 'joyent-minimal', 'kvm', 'lx'];

/** What a payload member may hold; `object` and `null` occur in loaded VMs only. */
export type ValueType =
  | 'uuid' | 'boolean' | 'string' | 'integer' | 'number' | 'zpool' | 'list' | 'flat-object' | 'object-array' | 'object' | 'null'; // prettier-ignore

/** How a value is written where it is stored; plain text when absent. */
export type Encoding = 'boolean' | 'number' | 'mebibytes' | 'base64' | 'list' | 'numbers';

/** The home of a value. */
export type Store =
  /** An attribute of the `zone` element. */
  | { readonly in: 'zone'; readonly name: string; readonly as?: Encoding }
  /** An `attr` resource. `only`: stored for this value alone, its absence means the other. `zero`: 0 is a value. */
  | {
      readonly in: 'attr';
      readonly name: string;
      readonly as?: Encoding;
      readonly only?: boolean;
      readonly zero?: true;
    }
  /** A resource control `zone.NAME`. */
  | { readonly in: 'rctl'; readonly name: string; readonly action: 'deny' | 'none'; readonly as?: Encoding }
  /** An attribute of the noun's own element. */
  | { readonly in: 'element'; readonly name: string; readonly as?: Encoding }
  /** A child of the noun's element: `net-attr`, or `fsoption` when `each` value has one. */
  | { readonly in: 'child'; readonly name: string; readonly as?: Encoding; readonly each?: true }
  /** Resources of this kind, one for each element. */
  | { readonly in: 'resources'; readonly kind: 'network' | 'device' | 'filesystem' | 'dataset' }
  /** A JSON file below the zone's `config/`. */
  | { readonly in: 'file'; readonly name: 'metadata' | 'tags' | 'routes' }
  /** A property of the root dataset, the delegated one or a volume. */
  | { readonly in: 'dataset'; readonly of: 'root' | 'data' | 'volume'; readonly name: string }
  /** The kernel, the machine or another value; found out at each load. */
  | { readonly in: 'computed' };

/**
 * What a payload may do with a property: letters and the brands they hold for. Of a VM's own properties `c`reate,
 * `r`eceive, `u`pdate; of members of arrays `a`dd, `u`pdate, `r`eceive. A property without rules is read only.
 */
type Allowed = readonly (readonly [letters: string, brands: readonly Brand[]])[];

export interface PropertyRow {
  readonly name: string;
  readonly type: ValueType;
  /** One sentence or two for manuals and types. */
  readonly doc: string;
  readonly allowed?: Allowed;
  /** Brands that cannot be created without it. */
  readonly required?: readonly Brand[];
  /** What a new VM gets; by brand where they differ. Values that follow from others are described in `doc`. */
  readonly default?: unknown;
  readonly unit?: 'MiB' | 'GiB' | 'bytes' | 'percent of one CPU' | 'seconds' | 'milliseconds since the epoch' | 'ns';
  readonly min?: number;
  readonly max?: number;
  /** JSON Schema of each element of a list, or of a string, beyond its type. */
  readonly format?: 'ip-address' | 'mac-address' | 'attr-value' | 'dhcp-cid' | 'block-size-pair';
  readonly store?: Store;
  /** Brands on which an update reaches the running VM; on the others it waits for the next boot. */
  readonly live?: readonly Brand[];
  /** As a column of `vmadm list`. */
  readonly list?: readonly [header: string, width: number];
  /** As a member: usable in filters. */
  readonly filter?: true;
  /** Of a verb on arrays (`add_nics`): the noun whose members its elements have. */
  readonly noun?: Noun;
  readonly deprecated?: true;
}

export type Noun = 'nics' | 'disks' | 'filesystems' | 'pci_devices' | 'snapshots';
export const nouns: readonly Noun[] = ['nics', 'disks', 'filesystems', 'pci_devices', 'snapshots'];
