/** How the memory values of a VM follow from each other. Nothing here is an error: values are adjusted. */
import type { Brand } from '../schema/property.js';
import type { VmObject } from '../schema/generated/vm.js';
import { rulesOf } from './brand-rules.js';
import { has, type Draft } from './draft.js';

/** MiB. */
const leastSwap = 256;
const sysvIds = 4096;

/**
 * Completes and corrects memory values, which must be numbers or undefined already. An unset `max_physical_memory` makes
 * NaN of those that follow from it, which the validator then reports.
 *
 * @param vm - The VM as it is, for an update.
 */
export function settleMemory(draft: Draft, brand: Brand, vm: VmObject | undefined): void {
  const { memoryOverhead, usesTmpfs } = rulesOf(brand);
  if (has(draft, 'ram') && !has(draft, 'max_physical_memory')) {
    draft['max_physical_memory'] = Number(draft['ram']) + (memoryOverhead?.usual ?? 0);
  }
  const given = has(draft, 'max_physical_memory');
  if (given) followPhysical(draft, vm);
  if (has(draft, 'tmpfs')) limitTmpfs(draft, vm);
  else if (given && usesTmpfs) draft['tmpfs'] = sameShare(draft, vm);
  if (given) addSharedMemory(draft, vm);
  if (memoryOverhead !== undefined) raiseForGuest(draft, vm, memoryOverhead.least);

  const physical = effective(draft, vm, 'max_physical_memory');
  if (numberOf(draft, 'max_locked_memory') > physical) draft['max_locked_memory'] = physical;
  if (numberOf(draft, 'max_swap') < physical) draft['max_swap'] = physical;
}

/** NaN when unset or absent, which no comparison is true for. */
function numberOf(draft: Draft, name: string): number {
  return draft[name] === undefined ? NaN : Number(draft[name]);
}

function effective(
  draft: Draft,
  vm: VmObject | undefined,
  name: 'ram' | 'max_physical_memory' | 'max_locked_memory',
): number {
  return Number(draft[name] ?? vm?.[name] ?? NaN);
}

/** Locked memory and swap keep their distance from physical memory. */
function followPhysical(draft: Draft, vm: VmObject | undefined): void {
  const physical = numberOf(draft, 'max_physical_memory');
  const { max_physical_memory: old, max_locked_memory: oldLocked, max_swap: oldSwap } = vm ?? {};
  if (!has(draft, 'max_locked_memory')) {
    draft['max_locked_memory'] = old === undefined || oldLocked === undefined ? physical : physical - (old - oldLocked);
  }
  if (has(draft, 'max_swap')) return;
  // Swap at its minimum says nothing of what was wished.
  const tied = old === undefined || oldSwap === undefined || (oldSwap === leastSwap && physical >= leastSwap);
  const swap = tied ? physical : physical + (oldSwap - old);
  draft['max_swap'] = Math.max(swap, leastSwap);
}

function limitTmpfs(draft: Draft, vm: VmObject | undefined): void {
  const tmpfs = numberOf(draft, 'tmpfs');
  const physical = numberOf(draft, 'max_physical_memory');
  const old = vm?.max_physical_memory;
  if (tmpfs > physical) draft['tmpfs'] = physical;
  // Even when this payload raises the memory: as the original.
  else if (old !== undefined && tmpfs > old) draft['tmpfs'] = old;
}

function sameShare(draft: Draft, vm: VmObject | undefined): number {
  const physical = numberOf(draft, 'max_physical_memory');
  const { tmpfs, max_physical_memory: old } = vm ?? {};
  return tmpfs === undefined || !old ? physical : Math.round((tmpfs / old) * physical);
}

function addSharedMemory(draft: Draft, vm: VmObject | undefined): void {
  const usual = {
    max_shm_memory: draft['max_physical_memory'],
    max_msg_ids: sysvIds,
    max_sem_ids: sysvIds,
    max_shm_ids: sysvIds,
  };
  for (const [name, value] of Object.entries(usual)) {
    if (!has(draft, name) && (vm === undefined || !(name in vm))) draft[name] = value;
  }
}

/** A guest's memory and what runs it must fit. */
function raiseForGuest(draft: Draft, vm: VmObject | undefined, overhead: number): void {
  const least = effective(draft, vm, 'ram') + overhead;
  for (const name of ['max_physical_memory', 'max_locked_memory'] as const) {
    if (least > effective(draft, vm, name)) draft[name] = least;
  }
}
