/**
 * The operations under the names and with the callbacks that Triton's programs know from `/usr/vm/node_modules/VM`.
 * Built as CommonJS, `require('smartadm/VM')`; what does the work is loaded with the first call.
 *
 * Callbacks get an `Error` with `message` and `code` first, null where all went well. `options` may be left out everywhere;
 * `options.log`, a bunyan logger, receives what the programs write into their logs. `SMARTADM_ROOT` is honoured.
 */
import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { callBack } from './call-back.js';
import type {
  Brand, ChangeResult, CreateResult, ExtraDisk, ListedVm, Log, PayloadAction, ReadyEvent, Smartadm, StopOptions,
  ValidationFindings, VmEvent, VmObject,
} from './smartadm.js'; // prettier-ignore
import type * as smartadm from './smartadm.js';

/** A failure as callbacks get it: `message` is the line that `vmadm` prints. */
export type VmError = Error & { readonly code?: string };
/** Called once, when all is done. */
export type Callback<Results extends readonly unknown[] = []> = (
  error: VmError | null,
  ...results: Partial<Results>
) => void;
/** The end of an argument list: options that may be left out, and the callback. */
export type Rest<Options, Results extends readonly unknown[] = []> =
  readonly [callback: Callback<Results>] | readonly [options: Options | undefined, callback: Callback<Results>];

export interface Options {
  readonly log?: Log;
}
export interface LoadOptions extends Options {
  /** Members to load; all by default. */
  readonly fields?: readonly string[];
}
export interface LookupOptions extends LoadOptions {
  /** Whole VMs instead of uuids. */
  readonly full?: boolean;
}
export interface KillOptions extends Options {
  /** Name or number; SIGTERM by default. */
  readonly signal?: string | number;
}
export type BootDisk = Omit<ExtraDisk, 'media'>;
/** What a hardware virtual machine can be given for one boot. */
export interface StartExtra {
  readonly disk?: readonly BootDisk[];
  readonly cdrom?: readonly BootDisk[];
  readonly order?: string;
}

type Library = typeof smartadm;

let host: Smartadm | undefined;

/** A handle on this host, the same one every time. */
function handle(library: Library): Smartadm {
  if (host !== undefined) return host;
  const opened = library.open();
  process.once('beforeExit', () => void opened.close().catch(() => undefined));
  return (host = opened);
}

type Outcome<Results extends readonly unknown[]> = readonly [error: VmError | null, ...results: Partial<Results>];

/**
 * Runs `work` and calls back with its results.
 *
 * @param failed - What a missing VM is told as in place of the library's own text, and what goes with every failure.
 */
function run<O extends Options, Results extends readonly unknown[]>(
  rest: Rest<O, Results>,
  work: (library: Library, on: Smartadm, options: Partial<O>) => Promise<Partial<Results>>,
  failed: { readonly missing?: string; readonly results?: Partial<Results> } = {},
): void {
  const callback = callbackOf(rest) as Callback<Results>;
  const options = (rest.length > 1 ? (rest[0] as O | undefined) : undefined) ?? ({} as Partial<O>);
  const outcome = async (): Promise<Outcome<Results>> => {
    const library = await import('./smartadm.js');
    try {
      const on = handle(library);
      return [null, ...(await work(library, options.log === undefined ? on : { ...on, log: options.log }, options))];
    } catch (error) {
      return [vmError(library, error, failed.missing), ...(failed.results ?? ([] as unknown as Partial<Results>))];
    }
  };
  callBack(callback, outcome());
}

function callbackOf(args: readonly unknown[]): unknown {
  const callback = args.at(-1);
  if (typeof callback !== 'function') throw new TypeError('a callback is missing');
  return callback;
}

/** With the codes that callers know: a missing VM is ENOENT. */
function vmError({ codeOf, describeError }: Library, error: unknown, missing: string | undefined): VmError {
  const code = codeOf(error);
  const isMissing = code === 'VmNotFound';
  const message = isMissing && missing !== undefined ? missing : describeError(error);
  return Object.assign(
    new Error(message, { cause: error }),
    code === undefined ? {} : { code: isMissing ? 'ENOENT' : code },
  );
}

/** What calls back without a result. */
async function nothing(work: Promise<unknown>): Promise<[]> {
  await work;
  return [];
}

/** How the service that keeps the VMs answers in the original. */
const notFoundStatus = 'bad statusCode: 404';

/** Makes a VM. On failure too, the second argument says which VM it would have been. */
export function create(
  payload: object,
  ...rest: Rest<Options, [vm: CreateResult | { uuid: string; zonename: string }]>
): void {
  const named = { uuid: randomUUID(), ...payload } as { readonly uuid: string; readonly zonename?: string };
  const identity = { uuid: named.uuid, zonename: named.zonename ?? named.uuid };
  run(rest, async (library, on) => [await library.createVm(on, named)], { results: [identity] });
}

/** The VM as `vmadm get` prints it. */
export function load(uuid: string, ...rest: Rest<LoadOptions, [vm: VmObject]>): void {
  run(rest, async (library, on, { fields }) => [await library.getVm(on, uuid, fields)], { missing: notFoundStatus });
}

/** Uuids of the VMs that fit every key of `search`; with `full` or `fields` the VMs themselves. */
export function lookup(
  search: Readonly<Record<string, string | number | boolean>>,
  ...rest: Rest<LookupOptions, [found: readonly string[] | readonly ListedVm[]]>
): void {
  run(rest, async (library, on, { fields, full = false }) => {
    const isWhole = full || fields !== undefined;
    const vms = await library.lookupVms(on, search, isWhole ? fields : ['uuid']);
    return [isWhole ? vms : vms.map(({ uuid }) => String(uuid))];
  });
}

/** Changes a VM. */
export function update(uuid: string, payload: object, ...rest: Rest<Options, [result: ChangeResult]>): void {
  run(rest, async (library, on) => [await library.updateVm(on, uuid, payload)]);
}

/** Puts a VM onto the image that `payload.image_uuid` names. */
export function reprovision(uuid: string, payload: object, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.reprovisionVm(on, uuid, payload)));
}

/** Boots a stopped VM. `EALREADYRUNNING` where it runs. */
export function start(uuid: string, extra: StartExtra | undefined, ...rest: Rest<Options>): void {
  const as = (media: 'disk' | 'cdrom') => (disk: BootDisk) => ({ ...disk, media });
  const disks = [...(extra?.disk ?? []).map(as('disk')), ...(extra?.cdrom ?? []).map(as('cdrom'))];
  const boot = {
    ...(disks.length === 0 ? {} : { disks }),
    ...(extra?.order === undefined ? {} : { order: extra.order }),
  };
  run(rest, (library, on) => nothing(library.startVm(on, uuid, boot)), { missing: notFoundStatus });
}

/** Stops a VM. `ENOTRUNNING` where it does not run. */
export function stop(uuid: string, ...rest: Rest<Options & StopOptions>): void {
  run(rest, (library, on, options) => nothing(library.stopVm(on, uuid, options)));
}

/** Reboots a VM. */
export function reboot(uuid: string, ...rest: Rest<Options & { readonly force?: boolean }>): void {
  run(rest, (library, on, options) => nothing(library.rebootVm(on, uuid, options)), { missing: notFoundStatus });
}

/** Sends a signal to the first process of a VM. `ENOTRUNNING` where it does not run. */
export function kill(uuid: string, ...rest: Rest<KillOptions>): void {
  run(rest, (library, on, { signal }) => nothing(library.killVm(on, uuid, signal)), { missing: notFoundStatus });
}

function deleteVm(uuid: string, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.deleteVm(on, uuid)));
}
/** Removes a VM with its datasets. */
export { deleteVm as delete };

/** Called with the faults, or with what made it impossible to find them; with nothing at all where there are none. */
export type FaultsCallback = (faults?: ValidationFindings | VmError) => void;

/** Judges a payload. */
export function validate(
  brand: string,
  action: string,
  payload: object,
  ...rest: readonly [callback: FaultsCallback] | readonly [options: Options | undefined, callback: FaultsCallback]
): void {
  const callback = callbackOf(rest) as FaultsCallback;
  const told: Callback<[faults: ValidationFindings]> = (error, faults) => {
    if (error === null && faults === undefined) callback();
    else callback(error ?? faults);
  };
  run([rest.length > 1 ? (rest[0] as Options) : undefined, told], async (library, on) => {
    const faults = await library.validatePayload(on, payload, action as PayloadAction, brand as Brand);
    return faults === null ? [] : [faults];
  });
}

/** What the hypervisor of a running VM knows. */
export function info(
  uuid: string,
  types: readonly string[] | undefined,
  ...rest: Rest<Options, [info: Record<string, unknown>]>
): void {
  run(rest, async (library, on) => [await library.vmInfo(on, uuid, types ?? ['all'])], { missing: notFoundStatus });
}

/** Sends a request to the hypervisor of a running VM. */
export function sysrq(uuid: string, request: 'nmi' | 'screenshot', ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.sendSysrq(on, uuid, request)), { missing: notFoundStatus });
}

/** Takes a snapshot. */
export function create_snapshot(uuid: string, name: string, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.createSnapshot(on, uuid, name)));
}

/** Removes a snapshot. */
export function delete_snapshot(uuid: string, name: string, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.deleteSnapshot(on, uuid, name)));
}

/** Takes a VM back to a snapshot and starts it. */
export function rollback_snapshot(uuid: string, name: string, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.rollbackSnapshot(on, uuid, name)), { missing: notFoundStatus });
}

export interface EventsOptions extends Options {
  /** The only VM to watch; all by default. */
  readonly uuid?: string;
  /** The same. */
  readonly zonename?: string;
}
export interface EventWatch {
  /** With the VMs as they were when the watch began. */
  readonly ev: ReadyEvent;
  /** Ends it; until then the process has something to do. */
  stop(): void;
}

/** Watches VMs: `callback` is told when that has begun, `handler` of each event that follows. */
export function events(
  options: EventsOptions | undefined,
  handler: (event: VmEvent) => void,
  callback: Callback<[watch: EventWatch]>,
): void {
  run<EventsOptions, [watch: EventWatch]>([options, callback], async (library, on, { zonename, uuid = zonename }) => {
    const end = new AbortController();
    const watch = library.watchVms(on, { signal: end.signal, ...(uuid === undefined ? {} : { uuid }) });
    const { value: ev } = await watch.next();
    if (ev?.type !== 'ready') return [];
    void tellAll(watch, handler, end.signal);
    const stop = (): void => {
      end.abort();
    };
    return [{ ev, stop }];
  });
}

async function tellAll(
  watch: AsyncIterable<VmEvent>,
  handler: (event: VmEvent) => void,
  end: AbortSignal,
): Promise<void> {
  for await (const event of watch) {
    // Called on its own, as callbacks are.
    process.nextTick(() => {
      if (!end.aborted) handler(event);
    });
  }
}

/** Writes the VM to `target`, which is left open. */
export function send(uuid: string, target: Writable, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.sendVm(on, uuid, target)), { missing: notFoundStatus });
}

/** Takes a VM from standard input, for which `-` stands, or from a stream. */
export function receive(
  source: '-' | Readable,
  ...rest: Rest<Options, [vm: { readonly uuid: string; readonly zonename: string }]>
): void {
  run(rest, async (library, on) => {
    if (source !== '-' && typeof source !== 'object') {
      throw new library.SmartadmError('PayloadInvalid', `cannot receive from ${String(source)}`);
    }
    const { uuid } = await library.receiveVm(on, source === '-' ? process.stdin : source);
    return [{ uuid, zonename: uuid }];
  });
}

export function install(uuid: string, ...rest: Rest<Options>): void {
  run(rest, (library, on) => nothing(library.installVm(on, uuid)));
}
