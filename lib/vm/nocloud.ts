/** The disk from which cloud-init of a guest reads what its VM is to be (NoCloud; `vm-lifecycle`, cloud-init). */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { Disk, Nic, VmObject } from '../schema/generated/vm.js';
import { netmaskOf, parseNicAddress, prefixOf } from './addresses.js';
import { vmError } from './errors.js';
import { fat16Image, type FatFile } from './fat16.js';
import { writeMetadata } from './metadata.js';

const volumeLabel = 'CIDATA';
const sizeMiB = 16;
const blockSize = 512;

/**
 * Brings the disk in line with the VM, whose lock is held, when something in it has changed since it was written. Nothing to
 * do for a VM whose image asks for none. Returns the VM as it is afterwards. Throws `PayloadInvalid` for a disk that cannot
 * be the one.
 */
export async function refreshNocloud(ctx: Context, host: Host, vm: VmObject): Promise<VmObject> {
  const { internal_metadata: internal = {}, customer_metadata: customer = {} } = vm;
  const path = internal['cloudinit_nocloud_path'];
  if (internal['cloudinit_datasource'] !== 'nocloud' || typeof path !== 'string') return vm;
  const disk = (vm.disks ?? []).find((each) => each.path === path && isSeed(each));
  if (disk === undefined) throw vmError('PayloadInvalid', `Invalid cloudinit_nocloud_path: ${path}`);
  const hash = hashOf(vm);
  if (internal['cloudinit_nocloud_hash'] === hash) return vm;
  const volume = await host.datasets.find(disk.zfs_filesystem ?? '');
  if (volume?.device === undefined) throw vmError('PayloadInvalid', `Invalid cloudinit_nocloud_path: ${path}`);
  await writeImage(volume.device, fat16Image(volumeLabel, Number.parseInt(hash.slice(0, 8), 16), sizeMiB * 2 ** 20, seedFiles(vm))); // prettier-ignore
  const changed = { ...internal, cloudinit_nocloud_hash: hash };
  try {
    await writeMetadata(host.at(String(vm.zonepath)), { customer_metadata: customer, internal_metadata: changed });
  } catch (err) {
    // It is written again the next time.
    ctx.log.warn({ err, uuid: vm.uuid }, 'cannot note that the disk for cloud-init is up to date');
    return vm;
  }
  return { ...vm, internal_metadata: changed };
}

function isSeed(disk: Disk): boolean {
  return disk.size === sizeMiB && disk.block_size === blockSize && disk.boot !== true;
}

/** Of all that the files are made from. */
function hashOf(vm: VmObject): string {
  const { uuid, hostname, alias, nics: add_nics = [], resolvers = [], customer_metadata = {} } = vm;
  const text = JSON.stringify({ uuid, hostname, alias, add_nics, resolvers, customer_metadata });
  return createHash('md5').update(text).digest('hex');
}

/** Nothing of what was there before stays. */
async function writeImage(device: string, image: Buffer): Promise<void> {
  const file = await open(device, 'r+');
  try {
    const size = sizeMiB * 2 ** 20;
    if ((await file.stat()).isFile()) {
      await file.truncate(0);
      await file.truncate(size);
      await file.write(image, 0, image.length, 0);
    } else {
      const whole = Buffer.alloc(size);
      image.copy(whole);
      await file.write(whole, 0, size, 0);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The files of the disk, in the order in which they are written. */
export function seedFiles(vm: VmObject): readonly FatFile[] {
  const { uuid = '', hostname, alias, nics = [], customer_metadata: given = {} } = vm;
  const text = (key: string) => (given[key] === undefined ? undefined : String(given[key]));
  const name = [hostname, alias].find((each) => each !== undefined && each !== '') ?? uuid;
  const network = text('cloud-init:network-config') ?? (nics.length === 0 ? undefined : networkConfig(vm, nics));
  const files: readonly (readonly [string, string | undefined])[] = [
    ['meta-data', `# cloud-init meta-data\ninstance-id: ${uuid}\nlocal-hostname: ${scalar(name)}\n`],
    ['network-config', network],
    ['user-data', text('cloud-init:user-data') ?? '#cloud-config\n{}\n'],
    ['vendor-data', text('cloud-init:vendor-data')],
  ];
  return files.flatMap(([file, content]) => (content === undefined ? [] : [{ name: file, content: Buffer.from(content) }])); // prettier-ignore
}

/** A word of YAML: as it is, or as JSON has it where it could be more than a word. */
function scalar(text: string): string {
  if (/^(?:true|false|yes|no|on|off|y|n|null)$/i.test(text)) return JSON.stringify(text);
  return /^[A-Za-z][\w.-]*$|^[0-9a-f]{8}-[0-9a-f-]+$/.test(text) ? text : JSON.stringify(text);
}

function networkConfig(vm: VmObject, nics: readonly Nic[]): string {
  const lines = nics.flatMap((nic) => ethernet(vm, nic));
  return `${['version: 2', 'ethernets:', ...lines].join('\n')}\n`;
}

function ethernet(vm: VmObject, nic: Nic): readonly string[] {
  const name = nic.interface ?? 'eth0';
  const mac = nic.mac === undefined ? [] : ['    match:', `      macaddress: ${JSON.stringify(nic.mac.toLowerCase())}`, `    set-name: ${scalar(name)}`]; // prettier-ignore
  const all = nic.ips ?? legacyAddresses(nic);
  const addresses = all.filter((each) => parseNicAddress(each) !== undefined);
  return [
    `  ${scalar(name)}:`,
    ...mac,
    ...(all.includes('dhcp') ? ['    dhcp4: true'] : []),
    ...(all.includes('addrconf') ? ['    dhcp6: true'] : []),
    ...listOf('    addresses:', '      - ', addresses),
    ...(nic.primary === true ? routing(vm, nic) : []),
  ];
}

function legacyAddresses({ ip, netmask }: Nic): readonly string[] {
  if (ip === undefined || ip === '') return [];
  const prefix = prefixOf(netmask);
  return ip === 'dhcp' || prefix === undefined || netmaskOf(prefix) !== netmask ? [ip] : [`${ip}/${prefix}`];
}

/** Where the guest's own traffic goes, and whom it asks for names. */
function routing(vm: VmObject, nic: Nic): readonly string[] {
  const gateways = nic.gateways ?? (nic.gateway === undefined ? [] : [nic.gateway]);
  const v4 = gateways.filter((each) => isIPv4(each)).at(-1);
  const v6 = gateways.filter((each) => !isIPv4(each)).at(-1);
  return [
    ...(v4 === undefined ? [] : [`    gateway4: ${v4}`]),
    ...(v6 === undefined ? [] : [`    gateway6: ${v6}`]),
    ...((vm.resolvers ?? []).length === 0 ? [] : ['    nameservers:']),
    ...listOf('      addresses:', '        - ', vm.resolvers ?? []),
  ];
}

function listOf(head: string, item: string, values: readonly string[]): readonly string[] {
  return values.length === 0 ? [] : [head, ...values.map((value) => `${item}${value}`)];
}
