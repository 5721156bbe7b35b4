/** What payload judgement hands on: a complete VM to be created, or what an update changes. Types only. */
import type { Brand } from '../schema/property.js';
import type { Disk, Filesystem, Nic, PciDevice, VmObject } from '../schema/generated/vm.js';
import type { NicTag } from '../host/links.js';

/** JSON as it came from outside: any key, any depth; own properties only. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Values of tags and metadata. */
export type FlatValue = string | number | boolean;
export type FlatObject = Readonly<Record<string, FlatValue>>;

export type PayloadAction = 'create' | 'receive' | 'update';

/** What judgement needs of an image's manifest. */
export interface ImageFacts {
  readonly type?: string;
  readonly os?: string;
  /** MiB. */
  readonly image_size?: number;
  readonly requirements?: { readonly bootrom?: string };
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** The host as payload judgement sees it. Each is asked only when the payload makes it matter. */
export interface PayloadFacts {
  /** The system whose programs this host's zones run natively. */
  readonly guestOs: 'linux' | 'smartos';
  /** Names of imported pools. */
  zpools(): Promise<readonly string[]>;
  /** An installed image; undefined when it is not installed in that pool. */
  image(uuid: string, zpool: string): Promise<ImageFacts | undefined>;
  nicTags(): Promise<readonly NicTag[]>;
  /** Whether a VM of this uuid exists. */
  exists(uuid: string): Promise<boolean>;
  /** All VMs with at least `zonename`, `state`, `zone_state`, `nics`, `vnc_port`. */
  vms(): Promise<readonly VmObject[]>;
  /** Random identity; replaced in tests. */
  newUuid(): string;
  /** Random byte source for MACs: integer in [0, limit). Replaced in tests. */
  random(limit: number): number;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The outcome of `vmadm validate`: null for a valid payload. */
export type ValidationFindings =
  | { readonly bad_brand: Json }
  | {
      readonly bad_values: readonly string[];
      readonly bad_properties: readonly string[];
      readonly missing_properties: readonly string[];
    };

/** Something judgement changed or left out without refusing. */
export interface Adjustment {
  readonly property: string;
  /** `ignored`: not allowed for this brand and action, dropped. `adjusted`: another value was taken. */
  readonly kind: 'ignored' | 'adjusted';
  readonly detail: string;
  /** Of an ignored property that nobody knows: the known one that was probably meant. */
  readonly nearest?: string;
  /** Of an adjusted property: what the payload said, and what was taken. */
  readonly given?: number;
  readonly taken?: number;
}

/** A disk to be made or attached. */
export interface NewDisk extends Readonly<Disk> {
  /** The volume or file at `path` exists already. */
  readonly nocreate?: boolean;
}

/**
 * A VM to be created: everything decided, deeply frozen. Members are those of a payload, after defaults and conversion.
 * Sizes as users write them (MiB; quota GiB).
 */
export interface VmSpec {
  readonly uuid: string;
  readonly zonename: string;
  readonly brand: Brand;
  readonly zpool: string;
  /** `/POOL/ZONENAME`. */
  readonly zonepath: string;
  /** `POOL/ZONENAME`. */
  readonly zfs_filesystem: string;
  readonly autoboot: boolean;
  readonly image_uuid: string | undefined;
  /** All accepted scalar and list properties, as zone-config.ts stores them; nouns and file properties are below. */
  readonly properties: Readonly<Record<string, unknown>>;
  readonly nics: readonly Nic[];
  readonly disks: readonly NewDisk[];
  readonly filesystems: readonly Filesystem[];
  readonly pci_devices: readonly PciDevice[];
  readonly customer_metadata: FlatObject;
  readonly internal_metadata: FlatObject;
  readonly tags: FlatObject;
  readonly routes: FlatObject;
  /** GiB; 0 is none. */
  readonly quota: number;
  readonly delegate_dataset: boolean;
  readonly indestructible_zoneroot: boolean;
  readonly indestructible_delegated: boolean;
  readonly nowait: boolean;
  /** ZFS properties beyond quota: `root` and `data` (delegated), values as ZFS takes them. */
  readonly datasetProperties: {
    readonly root: Readonly<Record<string, string>>;
    readonly data: Readonly<Record<string, string>>;
  };
  /** ISO 8601. */
  readonly create_timestamp: string;
  readonly v: number;
  /** `provisioning:running:EXPIRY`, when the VM is to boot; `receiving:…` while receiving. */
  readonly transition: string | undefined;
  readonly adjustments: readonly Adjustment[];
}

/** What an accepted update changes, deeply frozen. Apply in the order of the members. */
export interface UpdatePlan {
  readonly uuid: string;
  readonly brand: Brand;
  /** The accepted payload in its final form (`add_nics`, `set_tags`, …). */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Disks whose volumes go. */
  readonly removeDisks: readonly Disk[];
  /** Disks to make; `path` is filled in when the volume exists, see {@link NewDisk}. */
  readonly addDisks: readonly NewDisk[];
  /** Members to change on existing disks, by path; `size` in MiB. */
  readonly updateDisks: readonly (Partial<Disk> & {
    readonly path: string;
    readonly dangerous_allow_shrink?: boolean;
  })[];
  /** Complete new contents; undefined when unchanged. */
  readonly metadata: { readonly customer_metadata: FlatObject; readonly internal_metadata: FlatObject } | undefined;
  readonly tags: FlatObject | undefined;
  readonly routes: FlatObject | undefined;
  /** NICs as they are after the update. */
  readonly nics: readonly Nic[];
  readonly nicChanges: {
    readonly added: readonly Nic[];
    readonly updated: readonly Nic[];
    readonly removed: readonly string[];
  };
  /** GiB (0 is none), when it changes. */
  readonly quota: number | undefined;
  /** ZFS properties to set. */
  readonly datasetProperties: {
    readonly root: Readonly<Record<string, string>>;
    readonly data: Readonly<Record<string, string>>;
  };
  readonly indestructible: { readonly zoneroot?: boolean; readonly delegated?: boolean };
  /** Names of changed properties that reach a running VM at once, and of those that wait for the next boot. */
  readonly live: readonly string[];
  readonly nextBoot: readonly string[];
  readonly adjustments: readonly Adjustment[];
}
