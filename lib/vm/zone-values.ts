/** How single values are written in a zone configuration, and the elements made of them. Pure. */
import { diskRows } from '../schema/disk.js';
import { filesystemRows } from '../schema/filesystem.js';
import type { Disk, Filesystem, Nic, PciDevice } from '../schema/generated/vm.js';
import { nicRows } from '../schema/nic.js';
import { pciDeviceRows } from '../schema/pci-device.js';
import type { Encoding, PropertyRow } from '../schema/property.js';
import type { ZoneResource, ZoneResourceChild } from '../host/zones.js';

const mebibyte = 1_048_576;

/** The value that `text` stands for. Text that is no boolean stays text; text that is no number becomes NaN (`vmadm(8)`). */
export function decode(text: string, as?: Encoding): unknown {
  switch (as) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'number':
      return Number(text);
    case 'mebibytes':
      return Number(text) / mebibyte;
    case 'base64':
      return Buffer.from(text, 'base64').toString('utf8');
    case 'list':
      return text.split(',');
    case 'numbers':
      return text.split(',').map(Number);
    case undefined:
      return text;
  }
}

/** The text that stands for a value; lists are joined with commas. */
export function encode(value: unknown, as?: Encoding): string {
  if (as === 'mebibytes') return String(Number(value) * mebibyte);
  if (as === 'base64') return Buffer.from(String(value), 'utf8').toString('base64');
  return Array.isArray(value) ? value.join(',') : String(value);
}

export function attrResource(name: string, value: string): ZoneResource {
  return { kind: 'attr', attributes: { name, type: 'string', value }, children: [] };
}

export function rctlResource(name: string, limit: string, action: string): ZoneResource {
  const value = { kind: 'rctl-value', attributes: { priv: 'privileged', limit, action } };
  return { kind: 'rctl', attributes: { name: `zone.${name}` }, children: [value] };
}

export function datasetResource(name: string): ZoneResource {
  return { kind: 'dataset', attributes: { name }, children: [] };
}

export function netAttr(name: string, value: string): ZoneResourceChild {
  return { kind: 'net-attr', attributes: { name, value } };
}

/** Its `ip`, `netmask` and `gateway`, for old readers, follow from `ips` and `gateways` where those are given. */
export function nicResource(nic: Nic): ZoneResource {
  const written: Record<string, unknown> = { ...nic, ...oldAddresses(nic) };
  if (nic.mac !== undefined) written['mac'] = padMac(nic.mac);
  if (written['vlan_id'] === '0') delete written['vlan_id'];
  if (nic.primary !== true) delete written['primary'];
  return element('network', nicRows, written);
}

/** A disk says how large it is by its image, or else by its size. */
export function diskResource(disk: Disk): ZoneResource {
  const resource = element('device', diskRows, { ...disk, boot: disk.boot === true });
  if (disk.size === undefined || disk.image_size !== undefined) return resource;
  const first = resource.children.findIndex(({ attributes }) => !beforeSize.has(attributes['name'] ?? ''));
  const children = [...resource.children];
  children.splice(first < 0 ? children.length : first, 0, netAttr('size', String(disk.size)));
  return { ...resource, children };
}

const beforeSize: ReadonlySet<string> = new Set(['boot', 'model', 'media']);

export function pciDeviceResource(device: PciDevice): ZoneResource {
  return element('device', pciDeviceRows, { ...device, model: passthrough });
}

/** The model that tells devices passed through from disks. */
export const passthrough = 'passthru';

export function filesystemResource(filesystem: Filesystem): ZoneResource {
  return element('filesystem', filesystemRows, { ...filesystem });
}

function element(kind: string, rows: readonly PropertyRow[], values: Readonly<Record<string, unknown>>): ZoneResource {
  const attributes: Record<string, string> = {};
  const children: ZoneResourceChild[] = [];
  for (const { name, store } of rows) {
    const value = values[name];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    if (store?.in === 'element') attributes[store.name] = encode(value, store.as);
    if (store?.in !== 'child') continue;
    if (store.each !== true) children.push(netAttr(store.name, encode(value, store.as)));
    else for (const each of [value].flat()) children.push({ kind: 'fsoption', attributes: { name: encode(each) } });
  }
  return { kind, attributes, children };
}

function oldAddresses({ ips, gateways }: Nic): {
  ip?: string | undefined;
  netmask?: string | undefined;
  gateway?: string | undefined;
} {
  const first = ips?.find((each) => each === 'dhcp' || cidr.test(each));
  const [ip, bits] = first?.split('/') ?? [];
  return {
    ...(ips === undefined ? {} : { ip, netmask: bits === undefined ? undefined : netmask(Number(bits)) }),
    ...(gateways === undefined ? {} : { gateway: gateways.find((each) => ipv4.test(each)) }),
  };
}

const ipv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const cidr = /^\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}$/;

function netmask(bits: number): string {
  return [0, 8, 16, 24].map((before) => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - before)))).join('.');
}

/** As the platform keeps it: six octets of two lower-case digits. */
export function padMac(mac: string): string {
  const octets = /^[0-9a-f]{12}$/i.test(mac) ? (mac.match(/../g) ?? []) : mac.split(':');
  return octets.map((octet) => octet.padStart(2, '0').toLowerCase()).join(':');
}
