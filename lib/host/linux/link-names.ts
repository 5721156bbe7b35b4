/** Names of what a root puts into the kernel's one name space of links and tables. */
import { sha256Hex } from '../../sha256.js';
import { hostError } from '../errors.js';

/** The kernel takes 15 bytes; a name here is a letter, six digits for the root and eight more. */
const digits = 8;

export interface LinkNames {
  /** Host end of a zone's vnic. */
  vnic(zone: string, physical: string): string;
  /** What every host end of this root begins with. */
  readonly vnicPrefix: string;
  /** Bridge of a nic tag and VLAN that this root makes. */
  bridge(nicTag: string, vlanId: number): string;
  /** 802.1q link that joins such a bridge to an uplink. */
  vlan(nicTag: string, vlanId: number): string;
  isVlan(name: string): boolean;
  /** What is written into the alias of a bridge, so that it is known again. */
  bridgeAlias(nicTag: string, vlanId: number): string;
  readonly aliasPrefix: string;
  /** Name of this root's nft tables. */
  readonly table: string;
}

/** Names for the root of identity `id` (`root-id.ts`). */
export function linkNames(id: string): LinkNames {
  const aliasPrefix = `smartadm ${id} `;
  return {
    vnic: (zone, physical) => `v${id}${hash(`${zone}/${physical}`)}`,
    vnicPrefix: `v${id}`,
    bridge(nicTag, vlanId) {
      // A name that a person recognises where there is room for one: `admin0` on the machine's own root.
      if (vlanId === 0 && id === '000000' && nicTag.length <= 14 && /^\w+$/.test(nicTag)) return `${nicTag}0`;
      if (vlanId === 0 && nicTag.length <= digits && /^\w+$/.test(nicTag)) return `b${id}${nicTag}`;
      return `b${id}${hash(`${nicTag}/${vlanId}`)}`;
    },
    vlan: (nicTag, vlanId) => `u${id}${hash(`${nicTag}/${vlanId}`)}`,
    isVlan: (name) => new RegExp(`^u${id}[0-9a-f]{${digits}}$`).test(name),
    bridgeAlias: (nicTag, vlanId) => `${aliasPrefix}${nicTag} ${vlanId}`,
    aliasPrefix,
    table: `smartadm_${id}`,
  };
}

/** Throws `InvalidName` unless `zone` and `physical` can stand in paths, link names and nft scripts. */
export function checkVnicName(zone: string, physical: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(zone)) throw hostError('InvalidName', `"${zone}" is not a zone name`);
  if (!/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(physical)) {
    throw hostError('InvalidName', `"${physical}" is not the name of an interface`);
  }
}

function hash(text: string): string {
  return sha256Hex(text).slice(0, digits);
}
