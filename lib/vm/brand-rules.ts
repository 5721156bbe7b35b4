/** What payload judgement has to know of the brands, as a table (`vmadm(8)`, property tables by brand). */
import { brands, type Brand } from '../schema/property.js';

export interface BrandRules {
  readonly hvm: boolean;
  /** MiB that a guest's memory needs beyond its `ram`: by default and at least. */
  readonly memoryOverhead?: { readonly usual: number; readonly least: number };
  readonly usesTmpfs: boolean;
  /** Names of interfaces are this and a number. */
  readonly nicPrefix: 'net' | 'eth';
  /** Types of images for the zone's root. */
  readonly imageTypes: readonly string[];
  readonly diskModels?: readonly string[];
  /** What `docker: true` makes the first program. */
  readonly dockerInit?: string;
  /** Whether the guest fetches resolvers, routes and tmpfs anew when they change. */
  readonly refreshesMetadata: boolean;
  /** Dataset of the volume of this number, below the pool. */
  readonly volume?: (zonename: string, index: number) => string;
}

const zone = { hvm: false, usesTmpfs: true, nicPrefix: 'net', imageTypes: ['zone-dataset'] } as const;
const machine = { hvm: true, usesTmpfs: false, nicPrefix: 'net', imageTypes: ['zone-dataset'], refreshesMetadata: false } as const; // prettier-ignore

const table: Readonly<Record<Brand, BrandRules>> = {
  bhyve: {
    ...machine,
    memoryOverhead: { usual: 1280, least: 256 },
    diskModels: ['virtio', 'ahci', 'nvme'],
    volume: (zonename, index) => `${zonename}/disk${index}`,
  },
  builder: { ...zone, refreshesMetadata: true },
  joyent: { ...zone, refreshesMetadata: true },
  'joyent-minimal': { ...zone, refreshesMetadata: true, dockerInit: '/usr/vm/sbin/dockerinit' },
  kvm: {
    ...machine,
    memoryOverhead: { usual: 1024, least: 256 },
    diskModels: ['virtio', 'scsi', 'ide'],
    volume: (zonename, index) => `${zonename}-disk${index}`,
  },
  lx: {
    ...zone,
    nicPrefix: 'eth',
    imageTypes: ['docker', 'lx-dataset'],
    refreshesMetadata: false,
    dockerInit: '/native/usr/vm/sbin/dockerinit',
  },
};

export function isBrand(value: unknown): value is Brand {
  return brands.some((brand) => brand === value);
}

export function rulesOf(brand: Brand): BrandRules {
  return table[brand];
}
