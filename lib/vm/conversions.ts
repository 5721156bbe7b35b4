/** Values of a payload brought into their types, and what follows from one another before anything is judged. */
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand, ValueType } from '../schema/property.js';
import { rulesOf } from './brand-rules.js';
import { has, type Draft } from './draft.js';
import { refused } from './errors.js';
import { rowOf } from './property-rules.js';
import { isBlank, isObject, toBoolean, toList, toNumber } from './values.js';

/**
 * Numbers from text, lists from comma separated text, of the VM's own properties; members of arrays stay as they are
 * written. Null and empty text unset a number. Throws `PayloadInvalid`.
 */
export function convertNumbersAndLists(draft: Draft): void {
  for (const name of Object.keys(draft)) {
    const type = rowOf(name)?.type;
    const value = draft[name];
    if (type === 'integer') {
      if (value === undefined || value === null || value === '') draft[name] = undefined;
      else if (Number.isNaN((draft[name] = toNumber(value)))) {
        // The original has lost the text by now, and so says what is left of it.
        throw refused(`Invalid value for ${name}: null:number`);
      }
    } else if (type === 'list' && typeof value === 'string') draft[name] = toList(value);
  }
  if (has(draft, 'quota')) draft['quota'] ??= 0;
}

/**
 * The validator lets null and arrays pass for text and numbers that are unset, and arrays of one for that one. From here on
 * they are what they passed for.
 */
export function flattenValues(holder: Draft, typeOf: (name: string) => ValueType | undefined): void {
  for (const name of Object.keys(holder)) {
    const value = holder[name];
    const type = typeOf(name);
    if (typeof value !== 'object' || (type !== 'string' && type !== 'integer')) continue;
    holder[name] = isBlank(value) ? '' : toNumber(value);
  }
}

/** Text where a member of an array should be a list is split: the original takes it, and fails over it later. */
export function splitLists(element: Draft, typeOf: (name: string) => ValueType | undefined): void {
  for (const name of Object.keys(element)) {
    if (typeof element[name] === 'string' && typeOf(name) === 'list') element[name] = toList(element[name]);
  }
}

/** Booleans from their spellings; only after the payload has been judged, which refuses others. */
export function convertBooleans(draft: Draft): void {
  for (const name of Object.keys(draft)) {
    if (rowOf(name)?.type === 'boolean') draft[name] = toBoolean(draft[name]);
  }
}

/** Old names of `image_uuid`. */
export function renameImage(draft: Draft): void {
  for (const name of ['dataset_uuid', 'zone_dataset_uuid']) {
    if (has(draft, name) && !has(draft, 'image_uuid')) draft['image_uuid'] = draft[name];
  }
}

/**
 * What `docker` brings with it. As in the original, any spelling sets it off (the text `false` too), and a brand that has
 * no docker keeps some of it.
 *
 * @param newUuid - Source of the second half of the container's id.
 */
export function applyDocker(
  draft: Draft,
  uuid: string,
  brand: Brand,
  vm: VmObject | undefined,
  newUuid: () => string,
): void {
  if (!draft['docker']) return;
  const namespaces = has(draft, 'internal_metadata_namespaces')
    ? draft['internal_metadata_namespaces']
    : (vm?.internal_metadata_namespaces ?? []);
  if (Array.isArray(namespaces) && !namespaces.includes('docker')) {
    draft['internal_metadata_namespaces'] = [...(namespaces as readonly unknown[]), 'docker'];
  }
  if ((has(draft, 'restart_init') ? draft['restart_init'] : vm?.restart_init) !== false) draft['restart_init'] = false;
  const { dockerInit } = rulesOf(brand);
  if (dockerInit !== undefined && !(draft['init_name'] ?? vm?.init_name)) draft['init_name'] = dockerInit;

  const metadata = vm === undefined ? 'internal_metadata' : 'set_internal_metadata';
  const given = draft[metadata] ?? {};
  if (!isObject(given) || Object.hasOwn(given, 'docker:id') || vm?.internal_metadata?.['docker:id'] !== undefined)
    return;
  draft[metadata] = { ...given, 'docker:id': `${uuid}${newUuid()}`.replaceAll('-', '') };
}

/** What a delegated dataset would inherit from the root dataset is pinned when only the root's is given. */
export function pinDelegated(draft: Draft, vm: VmObject | undefined): void {
  if (has(draft, 'zfs_root_compression') && !has(draft, 'zfs_data_compression')) {
    draft['zfs_data_compression'] = vm?.zfs_data_compression ?? 'off';
  }
  if (has(draft, 'zfs_root_recsize') && !has(draft, 'zfs_data_recsize')) {
    draft['zfs_data_recsize'] = vm?.zfs_data_recsize ?? 131072;
  }
}
