/** The validator of payloads: all faults at once, in the shape that `vmadm validate` prints. */
import type { Brand } from '../schema/property.js';
import { isBrand, rulesOf } from './brand-rules.js';
import { draftOf, elementsOf, has, type Draft, type Element } from './draft.js';
import { Findings } from './findings.js';
import { judgeImages } from './image-rules.js';
import { parsePciSlot } from '../host/qemu/pci-slot.js';
import { isAllowed, isMemberAllowed, memberRowOf, nounOf, requiredFor, rowOf } from './property-rules.js';
import type { Json, PayloadFacts, ValidationFindings } from './spec.js';
import { isFit, isObject, toNumber } from './values.js';

/**
 * The outcome of `vmadm validate`: null for a valid payload, else all its faults. Neither defaults nor other VMs are
 * looked at; pools and images are.
 *
 * @param action - `create`, `receive` or `update`; any other word makes every property a bad one.
 * @param brand - For `update`, whose payloads name none; otherwise the payload's own counts.
 */
export async function validatePayload(
  payload: unknown,
  action: string,
  brand: unknown,
  facts: PayloadFacts,
): Promise<ValidationFindings | null> {
  const draft = draftOf(payload);
  const judged = action === 'update' ? brand : (draft['brand'] ?? brand);
  if (!isBrand(judged)) return { bad_brand: shownBrand(judged) };
  const findings = await judge(draft, action, judged, facts);
  const { values, properties, missingProperties } = findings;
  if (values.length + properties.length + missingProperties.length === 0) return null;
  return { bad_values: values, bad_properties: properties, missing_properties: missingProperties };
}

/** As text where nothing was named; arrays of scalars are shown, deeper things are not. */
function shownBrand(brand: unknown): Json {
  const scalar = (value: unknown): value is string | number | boolean | null =>
    value === null || ['string', 'number', 'boolean'].includes(typeof value);
  if (!brand) return 'undefined';
  if (scalar(brand)) return brand;
  return Array.isArray(brand) && brand.every(scalar) ? brand : `[${typeof brand}]`;
}

/**
 * Judges a draft. As the original does, it adds to the draft what image manifests say: sizes of disks, `bootrom`, and
 * where cloud-init finds its data.
 */
export async function judge(draft: Draft, action: string, brand: Brand, facts: PayloadFacts): Promise<Findings> {
  const findings = new Findings();
  for (const name of Object.keys(draft)) {
    if (!isAllowed(name, brand, action)) findings.badProperty(name);
    const row = rowOf(name);
    if (row === undefined) continue;
    const value = draft[name];
    const fits = row.type === 'zpool' ? await isPool(value, facts) : isFit(name, row.type, value);
    if (!fits) findings.badValue(name, row.type);
    else if (row.noun !== undefined) judgeMembers(findings, draft, name, action, brand);
  }
  for (const name of requiredFor(brand, action)) {
    if (!has(draft, name)) findings.missing(name);
  }
  if (rulesOf(brand).hvm) {
    for (const list of ['disks', 'add_disks']) judgeDisks(findings, draft, list);
  }
  if (brand === 'bhyve') {
    for (const list of ['pci_devices', 'add_pci_devices']) judgePciDevices(findings, draft, list);
  }
  await judgeImages(findings, draft, brand, facts);
  return findings;
}

async function isPool(value: unknown, facts: PayloadFacts): Promise<boolean> {
  return typeof value === 'string' && (await facts.zpools()).includes(value);
}

function judgeMembers(findings: Findings, draft: Draft, list: string, action: string, brand: Brand): void {
  const noun = nounOf(list);
  if (noun === undefined) return;
  for (const element of elementsOf(draft, list)) {
    for (const member of Object.keys(element)) {
      const path = `${noun}.*.${member}`;
      if (!isMemberAllowed(list, noun, member, brand, action)) findings.badProperty(path);
      const row = memberRowOf(noun, member);
      if (row !== undefined && !isFit(path, row.type, element[member])) findings.badValue(path, row.type);
    }
  }
}

/** The elements of an array whatever they are; a disk that is no object lacks everything. */
function anyElements(draft: Draft, list: string): Element[] {
  const value = draft[list];
  return Array.isArray(value) ? value.map((one: unknown) => (isObject(one) ? one : {})) : [];
}

/** Where the contents of a disk come from: an image, or a size of its own. */
function judgeDisks(findings: Findings, draft: Draft, list: string): void {
  anyElements(draft, list).forEach((disk, index) => {
    const at = (member: string): string => `${list}.${index}.${member}`;
    if (toNumber(disk['refreservation']) < 0) findings.badValue(at('refreservation'));
    if (has(disk, 'media') && disk['media'] !== 'disk') return;
    if (has(disk, 'image_uuid')) {
      if (!has(disk, 'image_size')) findings.missing(at('image_size'));
      if (has(disk, 'size') && !has(draft, 'flexible_disk_size')) findings.badProperty(at('size'));
      if (has(disk, 'block_size')) findings.badProperty(at('block_size'));
    } else {
      if (!has(disk, 'size')) findings.missing(at('size'));
      if (has(disk, 'image_name')) findings.badProperty(at('image_name'));
      if (has(disk, 'image_size')) findings.badProperty(at('image_size'));
    }
  });
}

function judgePciDevices(findings: Findings, draft: Draft, list: string): void {
  anyElements(draft, list).forEach((device, index) => {
    const { path, pci_slot: slot, model } = device;
    const at = (member: string): string => `${list}.${index}.${member}`;
    if (!has(device, 'path')) findings.missing(at('path'));
    else if (typeof path !== 'string' || !path.startsWith('/devices')) findings.badValue(at('path'));
    if (!has(device, 'pci_slot')) findings.missing(at('pci_slot'));
    else if (typeof slot !== 'string' || parsePciSlot(slot) === undefined) findings.badValue(at('pci_slot'));
    if (model !== undefined && model !== 'passthru') findings.badValue(at('model'));
  });
}
