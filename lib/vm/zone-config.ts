/** The configuration of a new VM's zone, and small changes to one. Pure. */
import type { Filesystem } from '../schema/generated/vm.js';
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
 * systems whose source has yet to be made are left out, see {@link withFilesystem}.
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
  const { docker } = spec.properties;
  setProperties(
    draft,
    brand,
    { ...spec.properties, autoboot: spec.autoboot },
    docker === true ? spec.internal_metadata : undefined,
  );
  const delegated = [spec.properties['datasets'] ?? []].flat().map(String);
  const own = `${spec.zfs_filesystem}/data`;
  draft.resources.push(
    ...spec.disks.map(diskResource),
    ...spec.filesystems.filter((each) => !isMadeLater(each)).map(filesystemResource),
    ...delegated.map(datasetResource),
    ...spec.nics.map(nicResource),
    ...spec.pci_devices.map(pciDeviceResource),
    // The brand delegates it when it has made it, last of all.
    ...(spec.delegate_dataset && !delegated.includes(own) ? [datasetResource(own)] : []),
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

/** Written once, with the VM, and not by way of its properties. */
const headRows: ReadonlySet<string> = new Set(['zonename', 'brand', 'v', 'create_timestamp', 'transition', 'provisioning', 'failed', 'image_uuid']); // prettier-ignore

/**
 * Writes the properties that `values` has into zone attributes, `attr`s and resource controls, as `vmadm(8)` does on
 * create and update: empty values remove, a value that goes without saying is not stored. `docker` is the internal
 * metadata of a VM that runs a container.
 */
export function setProperties(
  draft: ZoneDraft,
  brand: string,
  values: Readonly<Record<string, unknown>>,
  docker: Readonly<Record<string, unknown>> | undefined,
): void {
  const given = { ...values, ...fixedValues(brand, values) };
  for (const { name, store } of vmRows) {
    if (headRows.has(name)) continue;
    if (name === 'zlog_mode' && docker !== undefined) setContainerLog(draft, docker);
    // Written with the name of the log, not where containers have theirs.
    if (name === 'zlog_name' && brand === 'bhyve') setAttr(draft, 'zlog-mode', 'g--');
    if (!(name in given) || name === 'zlog_mode' || (name === 'ram' && !isHvm(brand))) continue;
    const value = given[name];
    switch (store?.in) {
      case 'zone':
        if (isEmpty(value)) Reflect.deleteProperty(draft.attributes, store.name);
        else draft.attributes[store.name] = encode(value, store.as);
        break;
      case 'rctl': {
        const limit =
          value === '' || value === null || value === undefined || (name === 'cpu_cap' && Number(value) === 0)
            ? undefined
            : encode(value, store.as);
        replace(
          draft,
          'rctl',
          `zone.${store.name}`,
          limit === undefined ? undefined : rctlResource(store.name, limit, store.action),
        );
        break;
      }
      case 'attr': {
        const kept =
          store.only === undefined ? (value === 0 ? store.zero === true : !isEmpty(value)) : value === store.only;
        setAttr(draft, store.name, kept ? encode(value, store.as) : undefined);
        break;
      }
    }
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value !== 'boolean' && encode(value).trim() === '';
}

/** What a brand decides by itself, whatever else is written. */
function fixedValues(brand: string, values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const fixed: Record<string, unknown> = {};
  if (brand === 'kvm' && 'autoboot' in values)
    Object.assign(fixed, { autoboot: false, vm_autoboot: values['autoboot'] });
  if (brand === 'bhyve') {
    fixed['zlog_name'] = 'platform.log';
    // Both ports return to their defaults with any payload that names neither (`vmadm(8)`).
    if (!('com1' in values) && !('com2' in values))
      Object.assign(fixed, { com1: '/dev/zconsole', com2: 'socket,/tmp/vm.ttyb' });
  }
  return fixed;
}

/** How the streams of a container are logged follows from its metadata. */
function setContainerLog(draft: ZoneDraft, metadata: Readonly<Record<string, unknown>>): void {
  const tty = metadata['docker:tty'];
  const driver = metadata['docker:logdriver'] ?? 'json-file';
  const t =
    tty === true || (typeof tty === 'string' && tty !== '' && tty !== 'false') || (typeof tty === 'number' && tty !== 0)
      ? 't'
      : '-';
  const mode = driver === 'json-file' ? `g${t}-` : driver === 'none' ? `-${t}-` : `g${t}n`;
  const current = draft.resources.find((each) => each.kind === 'attr' && each.attributes['name'] === 'zlog-mode');
  if (current?.attributes['value'] === mode) return;
  setAttr(draft, 'zlog-mode', undefined);
  setAttr(draft, 'zlog-mode', mode);
  setAttr(draft, 'app-svc-dependent', undefined);
  if (driver !== 'json-file' && driver !== 'none') setAttr(draft, 'app-svc-dependent', 'true');
}
