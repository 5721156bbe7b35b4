/** The container of an emulator: what liblxc and `zone-start` are told of it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hostError } from '../errors.js';
import type { ZoneConfig } from '../zones.js';
import { emulatorUser, type HvmPlan } from './hvm-plan.js';
import { lxcEmulatorConfig, type LxcFacts, type LxcVnic } from './lxc-config.js';
import { emulatorSeccompProfile } from './zone-seccomp.js';

/** Texts of the files in `folder`, the zone's, for a zone with those facts. Throws `ZoneInvalid`. */
export async function emulatorContainer(
  config: ZoneConfig,
  plan: HvmPlan,
  facts: LxcFacts,
  folder: string,
): Promise<{ readonly container: string; readonly emulator: string; readonly seccomp: string }> {
  const devices = plan.kvm === undefined ? [] : [await numbersOf(plan.kvm)];
  const own = { user: emulatorUser, devices, temporary: join(folder, 'temporary') };
  return {
    container: lxcEmulatorConfig(config, { ...facts, root: join(folder, 'rootfs') }, own),
    emulator: emulatorList(plan, facts.vnics, facts.firstId),
    seccomp: emulatorSeccompProfile,
  };
}

/** `MAJOR:MINOR` of a device. */
async function numbersOf(device: string): Promise<string> {
  const { rdev } = await stat(device);
  // As the C library takes a device number apart.
  const major = Math.floor(rdev / 256) % 4096;
  const minor = (rdev % 256) + Math.floor(rdev / 1_048_576) * 256;
  return `${major}:${minor}`;
}

/**
 * The lines of the file `emulator` (`addon/src/linux/emulator.h`), for a zone with the given vnics whose ids begin at
 * `firstId`. Throws `ZoneInvalid` for what cannot stand in it, and where the zone lacks a vnic that was planned with.
 */
export function emulatorList(plan: HvmPlan, vnics: readonly LxcVnic[], firstId: number): string {
  const taps = plan.taps.map(({ fd, physical }) => {
    const vnic = vnics.find(({ spec }) => spec.physical === physical);
    if (vnic === undefined)
      throw hostError('ZoneInvalid', `the zone has no vnic ${physical}, which its emulator is to have`);
    return ['tap', fd, vnic.hostName, vnic.carrier, vnic.spec.mtu ?? 0];
  });
  const lines: readonly (readonly (string | number)[])[] = [
    ...plan.binds.map(({ source, target }) => ['bind', source, target]),
    ...plan.own.map((path) => ['own', path, path]),
    ...plan.files.map(({ fd, writable, base, path }) => ['open', fd, writable ? 'rw' : 'ro', base, path]),
    ...taps,
    ...(plan.kvm === undefined ? [] : [['device', plan.kvm, firstId + emulatorUser]]),
    ...plan.argv.map((argument) => ['argument', argument]),
  ];
  return lines.map((fields) => `${fields.map(checked).join('\t')}\n`).join('');
}

/** The last field of a line may have blanks of any kind but those that end it; arguments are the only ones with more. */
function checked(field: string | number, index: number, fields: readonly (string | number)[]): string {
  const text = String(field);
  const isRest = index === fields.length - 1;
  if (/[\0\r\n]/.test(text) || (!isRest && text.includes('\t'))) {
    throw hostError('ZoneInvalid', `${JSON.stringify(text)} cannot be given to an emulator`);
  }
  return text;
}
