/** What the manifests of a payload's images have to say: to its validator, and of the host they are for. */
import type { Brand } from '../schema/property.js';
import { rulesOf } from './brand-rules.js';
import { elementsOf, has, type Draft, type Element } from './draft.js';
import { refused } from './errors.js';
import type { Findings } from './findings.js';
import type { ImageFacts, PayloadFacts } from './spec.js';
import { isFit, isObject, toNumber } from './values.js';

const defaultPool = 'zones';
const datasourceTag = 'org.smartos:cloudinit_datasource';

/** Asks for each image once, however many disks are made of it. */
class Images {
  readonly #found = new Map<string, Promise<ImageFacts | undefined>>();
  readonly #facts: PayloadFacts;
  #zpools: Promise<readonly string[]> | undefined;

  constructor(facts: PayloadFacts) {
    this.#facts = facts;
  }

  /** An image of one of the types; undefined when that pool has none. */
  async find(uuid: unknown, zpool: unknown, types: readonly string[]): Promise<ImageFacts | undefined> {
    if (typeof uuid !== 'string' || typeof zpool !== 'string' || !isFit('image_uuid', 'uuid', uuid)) return undefined;
    this.#zpools ??= this.#facts.zpools();
    if (!(await this.#zpools).includes(zpool)) return undefined;
    const key = `${zpool}/${uuid}`;
    const found = this.#found.get(key) ?? this.#facts.image(uuid, zpool);
    this.#found.set(key, found);
    const image = await found;
    return image?.type !== undefined && types.includes(image.type) ? image : undefined;
  }
}

function poolOf(holder: Draft): unknown {
  return has(holder, 'zpool') ? holder['zpool'] : defaultPool;
}

/** Judges `image_uuid` of the VM and of its disks, and takes over into the draft what manifests say. */
export async function judgeImages(findings: Findings, draft: Draft, brand: Brand, facts: PayloadFacts): Promise<void> {
  const images = new Images(facts);
  if (has(draft, 'image_uuid')) {
    const image = await images.find(draft['image_uuid'], poolOf(draft), rulesOf(brand).imageTypes);
    if (image === undefined) findings.badValue('image_uuid');
    else takeDatasource(draft, image);
  }
  for (const list of ['disks', 'add_disks']) {
    for (const [index, disk] of elementsOf(draft, list).entries()) {
      if (!has(disk, 'image_uuid')) continue;
      const at = `${list}.${index}`;
      const image = await images.find(disk['image_uuid'], poolOf(disk), ['zvol']);
      if (image === undefined) findings.badValue(`${at}.image_uuid`);
      else judgeDiskImage(findings, draft, disk, at, image);
    }
  }
}

function judgeDiskImage(findings: Findings, draft: Draft, disk: Element, at: string, image: ImageFacts): void {
  if (!judgeBootrom(findings, draft, disk, image)) return;
  takeDatasource(draft, image);
  if (image.image_size === undefined) return;
  if (has(disk, 'image_size')) {
    if (toNumber(disk['image_size']) !== image.image_size) findings.badValue(`${at}.image_size`);
    return;
  }
  disk['image_size'] = image.image_size;
  findings.supplied(`${at}.image_size`);
  if (has(disk, 'size') && toNumber(disk['size']) < image.image_size) findings.badValue('size');
}

/** Whether the guest can boot from the disk with the payload's `bootrom`; without one it gets what the image requires. */
function judgeBootrom(findings: Findings, draft: Draft, disk: Element, image: ImageFacts): boolean {
  if (image.requirements === undefined || !disk['boot']) return true;
  const { bootrom: required } = image.requirements;
  const { bootrom } = draft;
  if (bootrom === undefined) {
    if (required !== undefined) draft['bootrom'] = required;
    return true;
  }
  if (required === undefined ? bootrom === 'bios' || bootrom === 'uefi' : bootrom === required) return true;
  findings.badValue('bootrom');
  return false;
}

function takeDatasource(draft: Draft, image: ImageFacts): void {
  const datasource = image.tags?.[datasourceTag];
  if (datasource === undefined) return;
  const old = draft['internal_metadata'];
  draft['internal_metadata'] = { ...(isObject(old) ? old : {}), cloudinit_datasource: datasource };
}

/**
 * Refuses an image whose programs this host's kernel cannot run. On SmartOS every image that the brand takes is fit: lx
 * images are for Linux there. Throws `PayloadInvalid`.
 */
export async function checkImageSystem(draft: Draft, brand: Brand, facts: PayloadFacts): Promise<void> {
  const uuid = draft['image_uuid'];
  if (facts.guestOs !== 'linux' || rulesOf(brand).hvm || typeof uuid !== 'string') return;
  const image = await facts.image(uuid, String(poolOf(draft)));
  if (image?.os === undefined || image.os === 'linux' || image.os === 'other') return;
  throw refused(
    `image ${uuid} is for ${image.os}: brand ${brand} shares the kernel of this host, which is Linux, and needs an image with os "linux"`,
  );
}
