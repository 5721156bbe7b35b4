/** smartadm for programs: what `vmadm` does, as functions. `package.json` exports this as `smartadm`. */
import { isAbsolute } from 'node:path';
import { createContext, quietProgress } from '../cli/context.js';
import type { Context, Progress } from '../context.js';
import { SmartadmError } from '../errors.js';
import { hostError } from '../host/errors.js';
import { hostProblem } from '../host/open.js';
import { silentLog, type Log } from '../log.js';
import { vmError } from '../vm/errors.js';
import { payloadFacts } from '../vm/facts.js';
import { isFilterKey } from '../vm/fields.js';
import { damagedIn } from '../vm/damaged.js';
import { loadVm } from '../vm/load.js';
import { lookupVms as lookupListed, type ListedVm } from '../vm/lookup.js';
import { validatePayload as findFaults } from '../vm/validate.js';
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand } from '../schema/property.js';
import type { PayloadAction, ValidationFindings } from '../vm/spec.js';

export { SmartadmError, codeOf, describeError, hasCode } from '../errors.js';
export { publishedSchema, type PublishedKind } from '../schema/published.js';
export type { Disk, Filesystem, Nic, PciDevice, Snapshot, VmObject } from '../schema/generated/vm.js';
export type { Brand } from '../schema/property.js';
export type { Log, LogFields } from '../log.js';
export type { Progress, ProgressTask } from '../context.js';
export type { VmErrorCode } from '../vm/errors.js';
export type { HostErrorCode } from '../host/errors.js';
export type { AdjustedProperty, ChangeResult, CreateResult, IgnoredProperty } from '../vm/change-result.js';
export type { PayloadAction, ValidationFindings } from '../vm/spec.js';
export type { ListedVm } from '../vm/lookup.js';
export { createVm } from '../vm/create.js';
export { updateVm } from '../vm/update.js';
export { reprovisionVm } from '../vm/reprovision.js';
export { deleteVm } from '../vm/delete.js';
export { killVm, rebootVm, startVm, stopVm, type StopOptions } from '../vm/power.js';
export type { ExtraDisk, HvmBoot } from '../host/hvm.js';
export { createSnapshot, deleteSnapshot, rollbackSnapshot } from '../vm/snapshots.js';
export { execInVm } from '../vm/exec.js';
export { watchVms, type ReadyEvent, type VmEvent, type WatchOptions } from '../vm/events.js';
export type { Change } from '../vm/diff.js';
export { sendSysrq, vmInfo } from '../vm/info.js';
export { sendVm } from '../vm/send.js';
export { receiveVm } from '../vm/receive.js';
export { installVm } from '../vm/install-received.js';

export interface OpenOptions {
  /** Folder below which all state lies. By default what `SMARTADM_ROOT` says, or `/`. */
  readonly root?: string;
  /** Receives what the programs write into their logs; bunyan's loggers fit. */
  readonly log?: Log;
  /** Told how far long work has come. */
  readonly progress?: Progress;
  /** Aborting it has running operations undo themselves and fail. */
  readonly signal?: AbortSignal;
}

/** What every operation is handed first. */
export interface Smartadm extends Context {
  /** Lets go of the host. Operations must have ended. */
  close(): Promise<void>;
}

/**
 * A handle on the VMs of this host, or of another `root`. Nothing is read or made before the first operation. Throws
 * `Unsupported` on systems that have no zones, `PermissionDenied` unless the process is root, `ConfigInvalid` for a
 * relative root.
 *
 * @example
 * ```ts
 * import { createVm, getVm, open } from 'smartadm';
 *
 * const host = open();
 * const { uuid, ignored } = await createVm(host, { brand: 'lx', image_uuid, kernel_version: '6.1', quota: 10 });
 * console.log(await getVm(host, uuid), ignored);
 * await host.close();
 * ```
 */
export function open(options: OpenOptions = {}): Smartadm {
  const { root = process.env['SMARTADM_ROOT'] ?? '/', log = silentLog, progress = quietProgress } = options;
  const problem = hostProblem();
  if (problem !== undefined) throw hostError('Unsupported', `cannot run because: ${problem}`);
  if (process.getuid?.() !== 0) throw hostError('PermissionDenied', 'cannot run because: you are not root.');
  if (!isAbsolute(root)) throw new SmartadmError('ConfigInvalid', `root must be an absolute path, not ${root}`);
  return createContext({ root, log, progress, signal: options.signal ?? new AbortController().signal });
}

/**
 * The VM, complete or reduced to `fields`, for which only their stores are read. Throws `VmNotFound`, and `VmDamaged` or
 * `ZoneInvalid` where one of its files is.
 */
export async function getVm(on: Context, uuid: string, fields?: readonly string[]): Promise<VmObject> {
  return loadVm(await on.host(), uuid, fields);
}

/**
 * The VMs that fit every key of `filter`, as `vmadm lookup` finds them: `{ alias: 'web', 'nics.*.ip': '~^10\\.' }`. With
 * `fields` they are reduced to these members. Throws `KeyInvalid`.
 */
export async function lookupVms(
  on: Context,
  filter: Readonly<Record<string, string | number | boolean>> = {},
  fields?: readonly string[],
): Promise<readonly ListedVm[]> {
  for (const key of Object.keys(filter)) {
    if (!isFilterKey(key)) throw vmError('KeyInvalid', `Invalid lookup key: "${key}"`);
  }
  const texts = new Map(Object.entries(filter).map(([key, value]) => [key, String(value)]));
  return lookupListed(await on.host(), texts, fields, damagedIn(on));
}

/**
 * The faults of a payload, all at once, as `vmadm validate` prints them; null where there are none.
 *
 * @param brand - For `update`, whose payloads name none.
 */
export async function validatePayload(
  on: Context,
  payload: unknown,
  action: PayloadAction,
  brand?: Brand,
): Promise<ValidationFindings | null> {
  return findFaults(payload, action, brand, await payloadFacts(on));
}
