/** The configuration of a new VM's zone, and small changes to one. Pure. */
import type { Filesystem } from '../schema/generated/vm.js';
import type { Store } from '../schema/property.js';
import { vmRows } from '../schema/vm.js';
import type { ZoneConfig, ZoneResource } from '../host/zones.js';
import type { VmSpec } from './spec.js';
import { isHvm } from './zone-config-read.js';
import {
  attrResource, datasetResource, diskResource, encode, filesystemResource, nicResource, pciDeviceResource, rctlResource,
} from './zone-values.js'; // prettier-ignore

/** A configuration that is being changed. */
export interface ZoneDraft {
  readonly attributes: Record<string, string>;
  readonly resources: ZoneResource[];
}

export function draftOf(config: ZoneConfig): ZoneDraft {
  return { attributes: { ...config.attributes }, resources: [...config.resources] };
}

/**
 * The configuration of a new VM, `provisioning` marker and transition included, in the order `vmadm(8)` writes it. File
 * systems whose source has yet to be made are left out, and so is a delegated dataset that has: see
 * {@link withFilesystem} and {@link withDataset}.
 */
export function vmToZoneConfig(spec: VmSpec): ZoneConfig {
  const { zonename: name, zonepath, brand } = spec;
  const draft: ZoneDraft = {
    attributes: { name, zonepath, autoboot: 'false', brand, 'ip-type': 'exclusive' },
    resources: [
      attrResource('provisioning', 'true'),
      attrResource('vm-version', String(spec.v)),
      attrResource('create-timestamp', spec.create_timestamp),
    ],
  };
  setAttr(draft, 'transition', spec.transition);
  setAttr(draft, 'dataset-uuid', spec.image_uuid);
  const { properties, autoboot } = spec;
  const log = logValues(brand, properties['docker'] === true ? spec.internal_metadata : undefined);
  setProperties(draft, brand, { ...properties, autoboot, ...log });
  const delegated = [properties['datasets'] ?? []].flat().map((name) => encode(name));
  draft.resources.push(
    ...spec.disks.map(diskResource),
    ...spec.filesystems.filter((each) => !isMadeLater(each)).map(filesystemResource),
    ...delegated.map(datasetResource),
    ...spec.nics.map(nicResource),
    ...spec.pci_devices.map(pciDeviceResource),
  );
  return draft;
}

/** Whether the source of a file system is made (or fetched) after the zone's root dataset. */
export function isMadeLater({ source = '' }: Filesystem): boolean {
  return source === 'create-volume' || /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$|https?:\/\/)/.test(source);
}

/** The configuration with one more file system, whose source exists now. */
export function withFilesystem(config: ZoneConfig, filesystem: Filesystem): ZoneConfig {
  return { ...config, resources: [...config.resources, filesystemResource(filesystem)] };
}

/** The configuration with one more dataset delegated to the zone. */
export function withDataset(config: ZoneConfig, name: string): ZoneConfig {
  return { ...config, resources: [...config.resources, datasetResource(name)] };
}

/** Sets (or with undefined removes) one `attr`, e.g. `transition`, `provisioning`, `failed`; everything else stays. */
export function withAttr(config: ZoneConfig, name: string, value: string | undefined): ZoneConfig {
  const draft = draftOf(config);
  setAttr(draft, name, value);
  return draft;
}

/** The configuration with the zone attribute `autoboot` (kvm: attr `vm-autoboot`) set. */
export function withAutoboot(config: ZoneConfig, autoboot: boolean): ZoneConfig {
  if (config.attributes['brand'] === 'kvm') return withAttr(config, 'vm-autoboot', String(autoboot));
  return { ...config, attributes: { ...config.attributes, autoboot: String(autoboot) } };
}

/** Changes an `attr` in its place, adds it at the end, or with undefined removes it. */
function setAttr(draft: ZoneDraft, name: string, value: string | undefined): void {
  replace(draft, 'attr', name, value === undefined ? undefined : attrResource(name, value));
}

function replace({ resources }: ZoneDraft, kind: string, name: string, by: ZoneResource | undefined): void {
  const at = resources.findIndex((each) => each.kind === kind && each.attributes['name'] === name);
  if (by === undefined) {
    if (at >= 0) resources.splice(at, 1);
  } else if (at >= 0) resources[at] = by;
  else resources.push(by);
}

/**
 * How the streams of a zone are logged: fixed for bhyve, and for a container, whose internal metadata is `container`,
 * what its log driver and terminal ask for. Nothing when that is `current` already.
 */
export function logValues(
  brand: string,
  container: Readonly<Record<string, unknown>> | undefined,
  current?: string,
): Readonly<Record<string, unknown>> {
  if (brand === 'bhyve') return { zlog_mode: 'g--', zlog_name: 'platform.log' };
  if (container === undefined) return {};
  const tty = container['docker:tty'];
  const driver = container['docker:logdriver'] ?? 'json-file';
  const hasTty = tty !== 'false' && Boolean(tty);
  const hasLogger = driver !== 'json-file' && driver !== 'none';
  const mode = `${driver === 'none' ? '-' : 'g'}${hasTty ? 't' : '-'}${hasLogger ? 'n' : '-'}`;
  return mode === current ? {} : { zlog_mode: mode, app_svc_dependent: hasLogger ? true : undefined };
}

/** Written once, with the VM, and not by way of its properties. */
const headRows: ReadonlySet<string> = new Set([
  'zonename', 'brand', 'v', 'create_timestamp', 'transition', 'provisioning', 'failed', 'image_uuid',
]); // prettier-ignore
/** Of a container: written anew at the end when they change. */
const renewedRows: ReadonlySet<string> = new Set(['zlog_mode', 'app_svc_dependent']);
const commonRows = vmRows.filter((row) => !headRows.has(row.name));
/** bhyve has the mode of its log beside the log's name. */
const bhyveRows = commonRows
  .filter((row) => row.name !== 'zlog_mode')
  .flatMap((row) => (row.name === 'zlog_name' ? [...vmRows.filter((each) => each.name === 'zlog_mode'), row] : [row]));

/**
 * Writes the properties that `values` has into zone attributes, `attr`s and resource controls, as `vmadm(8)` does on
 * create and update: empty values remove, and a value that goes without saying is not stored.
 */
export function setProperties(draft: ZoneDraft, brand: string, values: Readonly<Record<string, unknown>>): void {
  const given: Record<string, unknown> = { ...values };
  // A kvm zone must not boot by itself, vmadmd(8) does it.
  if (brand === 'kvm' && 'autoboot' in given) Object.assign(given, { autoboot: false, vm_autoboot: given['autoboot'] });
  if (!isHvm(brand)) delete given['ram'];
  for (const { name, store } of brand === 'bhyve' ? bhyveRows : commonRows) {
    if (!(name in given)) continue;
    const value = given[name];
    switch (store?.in) {
      case 'zone':
        // No privileges at all is not the same as the usual ones.
        if (isEmpty(value) && name !== 'limit_priv') Reflect.deleteProperty(draft.attributes, store.name);
        else draft.attributes[store.name] = encode(value ?? '', store.as);
        break;
      case 'rctl': {
        const isGone = isEmpty(value) || (name === 'cpu_cap' && value === 0);
        const control = isGone ? undefined : rctlResource(store.name, encode(value, store.as), store.action);
        replace(draft, 'rctl', `zone.${store.name}`, control);
        break;
      }
      case 'attr':
        if (brand !== 'bhyve' && renewedRows.has(name)) setAttr(draft, store.name, undefined);
        setAttr(draft, store.name, isKept(store, value) ? encode(value, store.as) : undefined);
        break;
    }
  }
}

function isKept(store: Store & { readonly in: 'attr' }, value: unknown): boolean {
  if (store.only !== undefined) return value === store.only;
  // Encoded text may be all blanks.
  if (store.as === 'base64') return typeof value === 'string' && value !== '';
  return value === 0 ? store.zero === true : !isEmpty(value);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value !== 'boolean' && encode(value).trim() === '');
}
