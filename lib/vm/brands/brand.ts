/** What differs between brands when a VM is made and run. */
import { brands, hvm, type Brand } from '../../schema/property.js';
import { vmError } from '../errors.js';

export interface BrandBehaviour {
  readonly name: Brand;
  /** Whether the guest is a machine of its own rather than a zone. */
  readonly isHvm: boolean;
  /** Programs of the guest that shut it down or reboot it, to be tried in this order. */
  guestCommands(what: 'poweroff' | 'reboot', guestOs: 'linux' | 'smartos'): readonly (readonly string[])[];
}

/** The behaviour of a brand. Throws `VmDamaged` for an unknown one. */
export function brandOf(name: string | undefined): BrandBehaviour {
  const known = brands.find((brand) => brand === name);
  if (known === undefined) throw vmError('VmDamaged', `no support for brand "${String(name)}"`);
  return {
    name: known,
    isHvm: hvm.includes(known),
    guestCommands: (what, guestOs) => (guestOs === 'linux' || known === 'lx' ? linux[what] : illumos[what]),
  };
}

/** The first is what `vmadm(8)` runs in an `lx` zone; small userlands have the others only. */
const linux = {
  poweroff: [['/sbin/shutdown', '-h', 'now'], ['/usr/sbin/poweroff'], ['/sbin/poweroff']],
  reboot: [['/sbin/shutdown', '-r', 'now'], ['/usr/sbin/reboot'], ['/sbin/reboot']],
} as const;

const illumos = {
  poweroff: [['/usr/sbin/shutdown', '-y', '-g', '0', '-i', '5']],
  reboot: [['/usr/sbin/shutdown', '-y', '-g', '0', '-i', '6']],
} as const;
