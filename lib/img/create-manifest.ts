/** The manifest of an image that is made of a VM (`imgadm(8)`, create). */
import type { Sysinfo } from '../host/sysinfo.js';
import { imgError } from './errors.js';
import type { Manifest } from './manifest.js';

type Fields = Readonly<Record<string, unknown>>;

/** What is to be known of the VM. */
export interface SourceVm {
  readonly uuid: string;
  readonly brand: string;
  readonly state: string;
  readonly bootrom?: unknown;
  readonly zfs_filesystem?: string | undefined;
  readonly zpool?: string | undefined;
  readonly image_uuid?: string | undefined;
  readonly disks?: readonly {
    readonly zfs_filesystem?: string | undefined;
    readonly zpool?: string | undefined;
    readonly image_uuid?: string | undefined;
  }[];
  readonly customer_metadata?: Fields;
}

const inherited = [
  'type', 'os', 'requirements', 'users', 'billing_tags', 'traits', 'generate_passwords', 'inherited_directories', 'nic_driver',
  'disk_driver', 'cpu_type', 'image_size',
] as const; // prettier-ignore

const branded = ['bhyve', 'lx', 'kvm'];
const native = ['joyent', 'joyent-minimal'];

/**
 * Puts the manifest together: `given` by the user, what the origin image has and was not given, and what the brand asks
 * for. Throws `VmHasNoOrigin` when it is to be `incremental` without one.
 */
export function manifestOf(
  vm: SourceVm,
  given: Fields,
  fresh: string,
  origin: Manifest | undefined,
  host: Sysinfo,
  incremental: boolean,
): Fields {
  const manifest: Record<string, unknown> = { v: 2, uuid: fresh, ...given };
  for (const name of inherited) {
    const value = origin?.[name];
    const isEmpty = Array.isArray(value) && value.length === 0;
    if (given[name] === undefined && value !== undefined && !isEmpty) manifest[name] = value;
  }
  const wanted = (given['requirements'] ?? {}) as Fields;
  const require = (name: string, value: unknown): void => {
    manifest['requirements'] = { ...(manifest['requirements'] as Fields | undefined), [name]: value };
  };
  // Other systems have no platforms that could be too old.
  if (native.includes(vm.brand) && host.os === 'smartos' && !isTruthy(wanted['min_platform'])) {
    require('min_platform', { [host.sdcVersion ?? '7.0']: host.liveImage });
  }
  if (branded.includes(vm.brand) && !Object.hasOwn(wanted, 'brand')) require('brand', vm.brand);
  if (vm.brand === 'bhyve' && vm.bootrom !== undefined && !Object.hasOwn(wanted, 'bootrom')) {
    require('bootrom', vm.bootrom);
  }
  if (!incremental) return manifest;
  if (origin === undefined) {
    throw imgError('VmHasNoOrigin', `cannot create an incremental image: vm "${vm.uuid}" has no origin`);
  }
  return { ...manifest, origin: origin.uuid };
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0;
}
