/** What became of a payload, for programs that ask (`--json`, the library). Pure. */
import type { Host } from '../host/host.js';
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand } from '../schema/property.js';
import { isBrand, rulesOf } from './brand-rules.js';
import { elementsOf, type Draft } from './draft.js';
import { ignored, isAllowed, isMemberAllowed, memberRowOf, nounOf, rowOf } from './property-rules.js';
import type { Adjustment, PayloadAction, UpdatePlan, ValidationFindings, VmSpec } from './spec.js';
import { elementKeys } from './update-reach.js';
import { isFit, isObject } from './values.js';

/** A property that was left out. */
export interface IgnoredProperty {
  readonly property: string;
  /** One sentence: not allowed for this brand and action, or unknown. */
  readonly reason: string;
  /** The known name that was probably meant. */
  readonly did_you_mean?: string;
}

/** A number that could not be taken as it was. */
export interface AdjustedProperty {
  readonly property: string;
  readonly given: number;
  readonly taken: number;
}

/**
 * What a command did with the properties of its payload. Properties are named as in payloads (`ram`, `add_nics`); members
 * of elements that changed as `nics.*.mtu`.
 */
export interface ChangeResult {
  readonly uuid: string;
  /** In force now. An update lists only what really changed. */
  readonly applied: readonly string[];
  /** Stored, and in force when the running VM is rebooted. */
  readonly pending_reboot: readonly string[];
  readonly ignored: readonly IgnoredProperty[];
  readonly adjusted: readonly AdjustedProperty[];
}

/** The result of `create`. */
export interface CreateResult extends ChangeResult {
  readonly zonename: string;
}

/** The result of `validate`: the findings, and what the command would do with the rest. */
export type ValidationResult = {
  readonly valid: boolean;
  readonly action: string;
  readonly brand: string | null;
} & Omit<ChangeResult, 'uuid'> &
  Partial<{
    readonly bad_brand: unknown;
    readonly bad_values: readonly string[];
    readonly bad_properties: readonly string[];
    readonly missing_properties: readonly string[];
  }>;

type GuestOs = Host['features']['guestOs'];

export function createResult(payload: unknown, spec: VmSpec): CreateResult {
  const { uuid, zonename, adjustments } = spec;
  const left = new Set(adjustments.filter(({ kind }) => kind === 'ignored').map(({ property }) => property));
  const applied = isObject(payload) ? Object.keys(payload).filter((name) => !left.has(name)) : [];
  return { uuid, zonename, applied, pending_reboot: [], ...told(adjustments) };
}

/** @param vm - The VM before the update. Where it does not run, nothing has to wait. */
export function updateResult(plan: UpdatePlan, vm: VmObject, guestOs: GuestOs): ChangeResult {
  const { uuid, brand, live, nextBoot, adjustments } = plan;
  const waits = (name: string): boolean =>
    vm.zone_state === 'running' && !followsAnyway(name, guestOs, brand, vm.docker === true);
  return {
    uuid,
    applied: [...live, ...nextBoot.filter((name) => !waits(name))],
    pending_reboot: nextBoot.filter(waits),
    ...told(adjustments),
  };
}

/**
 * What a Linux host changes on a running zone beside what the rows promise for every host: name and resolvers, which
 * docker zones get by other means, all of a NIC, and routes.
 */
function followsAnyway(name: string, guestOs: GuestOs, brand: Brand, isDocker: boolean): boolean {
  if (guestOs !== 'linux') return false;
  if (name === 'set_routes' || name === 'remove_routes') return !rulesOf(brand).hvm;
  if (/^(?:hostname$|(?:add|remove)_nics$|nics\.\*\.)/.test(name)) return true;
  return !isDocker && (name === 'resolvers' || name === 'dns_domain');
}

/**
 * The result of `validate`, as far as it can be said without a VM.
 *
 * @param adjustments - What judgement of the whole payload adjusted, where it was possible.
 */
export function validationResult(
  payload: Draft,
  action: string,
  brand: unknown,
  findings: ValidationFindings | null,
  adjustments: readonly Adjustment[],
  guestOs: GuestOs,
): ValidationResult {
  const known = isBrand(brand) ? brand : null;
  const [applied, pending] = known === null ? [[], []] : outlook(payload, action, known, guestOs);
  const left = known !== null && isAction(action) && findings !== null && 'bad_properties' in findings
    ? ignored(findings.bad_properties.filter((name) => !/\.\d+\./.test(name)), known, action)
    : []; // prettier-ignore
  return {
    valid: findings === null,
    action,
    brand: known,
    ...findings,
    applied,
    pending_reboot: pending,
    ...told([...left, ...adjustments.filter(({ kind }) => kind === 'adjusted')]),
  };
}

function isAction(action: string): action is PayloadAction {
  return action === 'create' || action === 'receive' || action === 'update';
}

/** The accepted properties, and of an update those that would wait for the reboot of a running VM. */
function outlook(payload: Draft, action: string, brand: Brand, guestOs: GuestOs): readonly [string[], string[]] {
  const applied = new Set<string>();
  const pending = new Set<string>();
  const put = (name: string, live: readonly Brand[] | undefined): void => {
    const waits = action === 'update' && live?.includes(brand) !== true && !followsAnyway(name, guestOs, brand, false);
    (waits ? pending : applied).add(name);
  };
  for (const name of Object.keys(payload)) {
    const row = rowOf(name);
    if (row === undefined || !isAllowed(name, brand, action) || !isFit(name, row.type, payload[name])) continue;
    const noun = nounOf(name);
    if (noun === undefined || !name.startsWith('update_')) {
      put(name, row.live);
      continue;
    }
    const key: string | undefined = noun === 'snapshots' ? undefined : elementKeys[noun];
    for (const member of new Set(elementsOf(payload, name).flatMap((element) => Object.keys(element)))) {
      if (member !== key && isMemberAllowed(name, noun, member, brand, action)) {
        put(`${noun}.*.${member}`, memberRowOf(noun, member)?.live);
      }
    }
  }
  return [[...applied], [...pending]];
}

function told(adjustments: readonly Adjustment[]): Pick<ChangeResult, 'ignored' | 'adjusted'> {
  return {
    ignored: adjustments
      .filter(({ kind }) => kind === 'ignored')
      .map(({ property, detail, nearest }) => ({
        property,
        reason: detail,
        ...(nearest === undefined ? {} : { did_you_mean: nearest }),
      })),
    adjusted: adjustments.flatMap(({ property, given, taken }) =>
      given === undefined || taken === undefined ? [] : [{ property, given, taken }],
    ),
  };
}
