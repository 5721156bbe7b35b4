/** From payload to accepted payload: the steps that create, receive and update share, in the original's order. */
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand } from '../schema/property.js';
import { checkConflicts, checkNicTags } from './conflicts.js';
import { applyDocker, convertBooleans, flattenValues, pinDelegated, renameImage, splitLists } from './conversions.js';
import { checkDisks, checkDiskStates, identifyDisks } from './disk-rules.js';
import { added, has, updated, type Draft } from './draft.js';
import { refused } from './errors.js';
import { checkImageSystem } from './image-rules.js';
import { addressAdded, addressUpdated, prepareAdded } from './nic-addressing.js';
import { checkEachNic, checkNicSet } from './nic-rules.js';
import { resultingNics } from './nic-set.js';
import {
  checkDatasetProperties, checkFilesystemsAndDevices, checkLists, checkRoutes, checkSizes, checkText, checkVga, checkVncPassword,
} from './property-checks.js'; // prettier-ignore
import { ignored, isAllowed, isMemberAllowed, listNouns, memberRowOf, rowOf } from './property-rules.js';
import { rulesOf } from './brand-rules.js';
import type { Adjustment, PayloadAction, PayloadFacts } from './spec.js';
import { isObject, textOf } from './values.js';
import { judge } from './validate.js';

/** What a draft is judged for. */
export interface Occasion {
  readonly action: PayloadAction;
  readonly uuid: string;
  readonly brand: Brand;
  /** The VM before an update. */
  readonly vm: VmObject | undefined;
  readonly facts: PayloadFacts;
}

/**
 * Judges a draft whose numbers, lists and memory are settled, and brings it into its final form: lists under their `add_`
 * names, addresses as `ips`, disks with slots. Returns what was left out on the way. Throws `PayloadInvalid` or
 * `AddressInUse` for the first fault.
 */
export async function accept(draft: Draft, occasion: Occasion): Promise<readonly Adjustment[]> {
  const { action, uuid, brand, vm, facts } = occasion;
  renameImage(draft);
  applyDocker(draft, uuid, brand, vm, () => facts.newUuid());
  const dropped = await validated(draft, occasion);
  if (action !== 'update') await checkImageSystem(draft, brand, facts);
  if (!has(draft, 'zonename') && action !== 'update') draft['zonename'] = uuid;
  renameLists(draft);
  checkText(draft);
  checkSizes(draft);
  pinDelegated(draft, vm);
  const left = reshape(draft, occasion);
  check(draft, occasion);
  await checkConflicts(draft, uuid, vm, facts);
  await checkNicTags(draft, vm, facts);
  return [...ignored(dropped, brand, action), ...left];
}

/** Reports the first kind of findings there is; what is not allowed goes without a word. Returns its names. */
async function validated(draft: Draft, { action, brand, facts }: Occasion): Promise<readonly string[]> {
  const findings = await judge(draft, action, brand, facts);
  const { values, missingProperties, properties } = findings;
  if (values.length > 0) throw refused(`Invalid value(s) for: ${values.join(',')}`, { info: { findings: { values } } });
  if (missingProperties.length > 0) {
    throw refused(`Missing required properties: ${missingProperties.join(',')}`, { info: { missingProperties } });
  }
  for (const name of Object.keys(draft)) {
    if (!isAllowed(name, brand, action)) Reflect.deleteProperty(draft, name);
  }
  flattenValues(draft, (name) => rowOf(name)?.type);
  for (const noun of listNouns) {
    for (const list of [noun, `add_${noun}`, `update_${noun}`]) {
      const value = draft[list];
      if (!Array.isArray(value)) continue;
      // The validator takes null and arrays for objects; the original then aborts.
      if (!value.every(isObject)) throw refused(`Invalid value(s) for: ${list}`);
      for (const element of value) {
        for (const member of Object.keys(element)) {
          if (!isMemberAllowed(list, noun, member, brand, action)) Reflect.deleteProperty(element, member);
        }
        flattenValues(element, (member) => memberRowOf(noun, member)?.type);
        splitLists(element, (member) => memberRowOf(noun, member)?.type);
      }
    }
  }
  // Findings about one element (`disks.0.size`) are neither reported nor acted upon.
  return properties.filter((name) => !/\.\d+\./.test(name));
}

function renameLists(draft: Draft): void {
  for (const noun of listNouns) {
    if (!has(draft, noun)) continue;
    if (has(draft, `add_${noun}`)) throw refused(`Cannot specify both "${noun}" and "add_${noun}"`);
    draft[`add_${noun}`] = draft[noun];
    Reflect.deleteProperty(draft, noun);
  }
}

function reshape(draft: Draft, { action, brand, vm, facts }: Occasion): readonly Adjustment[] {
  const left: Adjustment[] = [];
  const nics = added(draft, 'nics');
  if (nics.some((nic) => has(nic, 'interface'))) {
    left.push({ property: 'nics.*.interface', kind: 'ignored', detail: 'new NICs get the next free name' });
  }
  for (const nic of nics) prepareAdded(nic, (limit) => facts.random(limit));
  if (brand === 'bhyve') identifyDisks(draft, vm, () => facts.newUuid());
  for (const nic of nics) addressAdded(nic);
  const existing = new Map((vm?.nics ?? []).map((nic) => [nic.mac, nic]));
  for (const nic of updated(draft, 'nics')) {
    if (!nic['mac']) throw refused('NIC object needs a .mac property to update');
    const old = existing.get(textOf(nic['mac']));
    if (old === undefined) throw refused('There is no existing NIC with that mac address');
    addressUpdated(nic, old);
  }
  convertBooleans(draft);
  if (action !== 'create' || has(draft, 'image_uuid')) return left;
  for (const property of ['spice_opts', 'spice_password', 'spice_port']) {
    if (!has(draft, property)) continue;
    Reflect.deleteProperty(draft, property);
    left.push({ property, kind: 'ignored', detail: 'only with image_uuid' });
  }
  return left;
}

/** The checks between properties, in the original's order. */
function check(draft: Draft, { brand, vm }: Occasion): void {
  checkLists(draft);
  if (vm !== undefined) checkDiskStates(draft, vm);
  if (rulesOf(brand).hvm) checkDisks(draft, brand, vm);
  checkFilesystemsAndDevices(draft, vm);
  checkEachNic(draft, brand, vm);
  const nics = resultingNics(draft, vm);
  checkNicSet(nics, draft);
  checkVga(draft);
  checkRoutes(draft, nics, vm);
  checkVncPassword(draft);
  checkDatasetProperties(draft);
}
