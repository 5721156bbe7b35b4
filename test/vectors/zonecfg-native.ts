/** Makes recorded calls through zonecfg.node, as far as they can be said there: what would end the process cannot. */
import { isDeepStrictEqual } from 'node:util';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type {
  NativeZoneChange,
  NativeZoneDocument,
  NativeZoneResourceKind,
  NativeZoneText,
} from '../../lib/host/native-zonecfg.js';
import type { IllumosRoot } from '../stand-ins/root.js';
import { unequal } from './compare.js';
import { fileDifference, isDefined, rootOf, type BrandRecord, type ZonecfgCall, type ZonecfgRecord, type ZonecfgResult } from './zonecfg-records.js'; // prettier-ignore

/** A call that the addon has no words for. `effect`: what follows in the record builds on what it would have done. */
class NotSaid extends Error {
  readonly effect: boolean;
  constructor(effect: boolean) {
    super('not said');
    this.effect = effect;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const states = ['configured', 'incomplete', 'installed', 'ready', 'running', 'shutting_down', 'down', 'mounted'];
const nullUuid = '00000000-0000-0000-0000-000000000000';
const texts = new Map<string, NativeZoneText>([
  ['name', 'name'], ['zonepath', 'zonepath'], ['brand', 'brand'], ['pool', 'pool'], ['bootargs', 'bootargs'],
  ['sched', 'scheduling-class'], ['sched_class', 'scheduling-class'], ['limitpriv', 'limitpriv'],
  ['hostid', 'hostid'], ['fs_allowed', 'fs-allowed'],
]); // prettier-ignore
const kinds = new Map<string, NativeZoneResourceKind>([
  ['attr', 'attr'], ['nwif', 'network'], ['dev', 'device'], ['rctl', 'rctl'], ['ds', 'dataset'],
  ['filesystem', 'filesystem'], ['fs', 'filesystem'], ['pset', 'pset'], ['admin', 'admin'],
  ['secflags', 'security-flags'],
]); // prettier-ignore
/** Names of fields in records, and those of the addon. */
const fieldNames = new Map([
  ['allowed_address', 'allowedAddress'], ['vlan_id', 'vlanId'], ['gnic', 'globalNic'], ['attrs', 'properties'],
  ['ncpu_min', 'min'], ['ncpu_max', 'max'],
]); // prettier-ignore

/** What the addon takes for a structure of a record. */
function toResource(fields: unknown): never {
  const entries = Object.entries(fields as Fields).map(([name, value]) => [
    fieldNames.get(name) ?? name,
    name === 'values'
      ? (value as [string, string, string][]).map(([privilege, limit, action]) => ({ privilege, limit, action }))
      : value,
  ]);
  return Object.fromEntries(entries) as never;
}

/** The other way round, without what is empty. */
function toFields(resource: object): Fields {
  const back = new Map([...fieldNames].map(([theirs, ours]) => [ours, theirs]));
  const entries = Object.entries(resource)
    .map(([name, value]: [string, unknown]): [string, unknown] => [
      back.get(name) ?? name,
      name === 'values'
        ? (value as { privilege: string; limit: string; action: string }[]).map((each) => [each.privilege, each.limit, each.action]) // prettier-ignore
        : value,
    ])
    .filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(entries);
}

class Player {
  readonly #zonecfg = loadNative('zonecfg');
  readonly #documents = new Map<string, NativeZoneDocument>();
  readonly #root: IllumosRoot;

  constructor(root: IllumosRoot) {
    this.#root = root;
  }

  close(): void {
    for (const document of this.#documents.values()) document.close();
  }

  /** The result of a call in the words of records, code and `out`; a refusal is its code. Throws `NotSaid`. */
  async play(call: ZonecfgCall): Promise<ZonecfgResult> {
    for (const arg of call.args ?? []) {
      if (JSON.stringify(arg).includes('{"b64":')) throw new NotSaid(true);
    }
    try {
      return { code: 'Z_OK', ...(await this.#play(call, call.args ?? [])) };
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !code.startsWith('Z_')) throw error;
      return { code };
    }
  }

  async #play(call: ZonecfgCall, args: readonly unknown[]): Promise<ZonecfgResult> {
    const { fn } = call;
    const [first, second, third] = args;
    const handle = call.h ?? 'h';
    const open = async (source: Parameters<ReturnType<typeof loadNative<'zonecfg'>>['open']>[0]) => {
      this.#documents.get(handle)?.close();
      this.#documents.delete(handle);
      this.#documents.set(handle, await this.#zonecfg.open(source));
      return {};
    };
    const name = first as string;
    switch (fn) {
      case '@zone_running':
        this.#root.run(name, second as number, third as number);
        return {};
      case '@read':
        return { text: this.#root.read(name) ?? null };
      case 'zonecfg_get_handle':
        return open({ zone: name });
      case 'zonecfg_get_snapshot_handle':
        return open({ snapshot: name });
      case 'zonecfg_get_xml_handle':
        return open({ file: name });
      case 'zonecfg_get_template_handle':
        return open({ template: name, name: second as string });
      case 'zonecfg_destroy':
        await this.#zonecfg.destroy(name, Boolean(second));
        return {};
      case 'zonecfg_validate_zonename':
        return { code: (await this.#zonecfg.isZoneName(name)) ? 'Z_OK' : 'Z_BOGUS_ZONE_NAME' };
      case 'zonecfg_default_brand':
        return { out: await this.#zonecfg.defaultBrand() };
      case 'zone_get_state': {
        const state = await this.#zonecfg.state(name);
        return state === undefined ? { code: 'Z_NO_ZONE' } : { out: states.indexOf(state) };
      }
      case 'zone_set_state':
        await this.#zonecfg.setState(name, (states[second as number] ?? 'unknown') as 'configured');
        return {};
      case 'zone_get_zonepath':
        return { out: await this.#zonecfg.zonepath(name) };
      case 'zone_get_brand':
        return { out: await this.#zonecfg.brand(name) };
      case 'zonecfg_get_uuid':
        return { out: (await this.#zonecfg.uuid(name)) ?? nullUuid };
      case 'zonecfg_set_uuid':
        await this.#zonecfg.setUuid(name, second as string, third as string);
        return {};
      case 'zonecfg_get_name_by_uuid': {
        const found = await this.#zonecfg.nameOfUuid(name);
        return found === undefined ? { code: 'Z_NO_ZONE' } : { out: found };
      }
      case '@iterate':
        if (first === 'zoneent') return { items: await this.#zonecfg.list() };
    }
    const document = this.#documents.get(handle);
    if (/^zonecfg_(detach_save|create_snapshot|destroy_snapshot|get_attach_handle|rm_detached|verify_save)$/.test(fn))
      throw new NotSaid(true);
    if (fn === 'zone_get_did') throw new NotSaid(true);
    // A handle that has no document is not handed out.
    if (document === undefined) throw new NotSaid(false);
    return this.#onDocument(document, fn, args);
  }

  async #onDocument(document: NativeZoneDocument, fn: string, args: readonly unknown[]): Promise<ZonecfgResult> {
    const [first, second] = args;
    const verb = /^zonecfg_(get|set|add|delete|modify|lookup)_(\w+)$/.exec(fn);
    const what = verb?.[2] ?? '';
    const kind = kinds.get(what);
    const text = texts.get(what);
    const change = async (step: unknown) => {
      await document.change([step as NativeZoneChange]);
      return {};
    };
    switch (fn) {
      case '@iterate': {
        const list = await document.list(kinds.get(first as string) ?? 'attr');
        return { items: list.map(toFields) };
      }
      case 'zonecfg_save':
        await document.save();
        return {};
      case 'zonecfg_check_handle':
        return {};
      case 'zonecfg_notify_create':
        await document.notifyCreate();
        return {};
      case 'zonecfg_fix_obsolete':
        return { out: Number(await document.fixObsolete()) };
      case 'zonecfg_num_resources':
        return { out: await document.count(first as string) };
      case 'zonecfg_del_all_resources':
        return change({ clear: first });
      case 'zonecfg_set_did':
        if ((await document.get('debugid')) !== undefined) throw new NotSaid(true);
        await document.assignDebugId();
        return {};
      case 'zonecfg_get_did':
        return { out: (await document.get('debugid')) ?? -1 };
      case 'zonecfg_get_autoboot':
        return { out: Number(await document.get('autoboot')) };
      case 'zonecfg_set_autoboot':
        return change({ set: 'autoboot', value: Boolean(first) });
      case 'zonecfg_get_iptype':
        return { out: Number((await document.get('ip-type')) === 'exclusive') };
      case 'zonecfg_set_iptype':
        return change({ set: 'ip-type', value: first === 1 ? 'exclusive' : 'shared' });
      case 'zonecfg_get_aliased_rctl': {
        const limit = await document.limit(first as string);
        return limit === undefined ? { code: 'Z_NO_ENTRY' } : { out: String(limit) };
      }
      case 'zonecfg_set_aliased_rctl':
        return change({ limit: first, value: BigInt(second as number) });
      case 'zonecfg_rm_aliased_rctl':
        return change({ limit: first, value: null });
      case 'zonecfg_getpsetent':
      case 'zonecfg_getsecflagsent': {
        const [only] = await document.list(fn === 'zonecfg_getpsetent' ? 'pset' : 'security-flags');
        return only === undefined ? { code: 'Z_NO_ENTRY' } : { out: toFields(only) };
      }
      case 'zonecfg_modify_pset':
        return change({ replace: 'pset', value: {}, with: toResource(first) });
      case 'zonecfg_delete_pset':
        return change({ remove: 'pset', value: {} });
    }
    if (text !== undefined && verb?.[1] === 'get') {
      if (first !== undefined) throw new NotSaid(false);
      const value = await document.get(text);
      return value === undefined ? { code: 'Z_BAD_PROPERTY', out: '' } : { out: value };
    }
    if (text !== undefined && verb?.[1] === 'set') return change({ set: text, value: first ?? null });
    if (kind !== undefined) {
      switch (verb?.[1]) {
        case 'add':
          return change({ add: kind, value: toResource(first) });
        case 'delete':
          return change({ remove: kind, value: toResource(first) });
        case 'modify':
          return change({ replace: kind, value: toResource(first), with: toResource(second) });
        case 'lookup': {
          const found = await document.find(kind, toResource(first));
          if (found === undefined) return { code: 'Z_NO_RESOURCE_ID' };
          return { out: toFields(found) };
        }
      }
    }
    throw new NotSaid(false);
  }
}

/** Whether what came back is what was recorded, as far as the addon says it. */
function isSame(fn: string, wanted: ZonecfgResult, found: ZonecfgResult): boolean {
  if (fn === '@iterate' && 'last' in wanted) {
    if (wanted['last'] !== 'Z_NO_ENTRY' || wanted['set'] !== 'Z_OK') {
      return found['code'] === (wanted['set'] === 'Z_OK' ? wanted['last'] : wanted['set']);
    }
    return isDeepStrictEqual(wanted['items'], found['items']);
  }
  if (fn === '@iterate') {
    const lines = (found['items'] as Fields[]).map((entry) => ({
      name: entry['name'], path: entry['zonepath'], uuid: entry['uuid'] ?? nullUuid, brand: entry['brand'],
      iptype: Number(entry['ipType'] === 'exclusive'),
    })); // prettier-ignore
    const recorded = (wanted['items'] as Fields[]).map(({ name, path, uuid, brand, iptype }) => ({ name, path, uuid, brand, iptype })); // prettier-ignore
    return isDeepStrictEqual(lines, recorded);
  }
  const code = wanted['code'] ?? 'Z_OK';
  // Undefined stands for both: an absent property and an empty one.
  if (found['code'] === 'Z_BAD_PROPERTY' && code === 'Z_OK') return wanted['out'] === '';
  // So does it for a kind of which there is one at most.
  if (found['code'] === 'Z_NO_RESOURCE_ID' && code === 'Z_NO_ENTRY') return true;
  if (code !== found['code']) return false;
  if ('text' in wanted) return wanted['text'] === found['text'];
  if (code !== 'Z_OK' || !('out' in wanted)) return true;
  return isDeepStrictEqual(wanted['out'], found['out']);
}

/** Whether the addon may refuse a call that the library took: it had led to a file or a process that is broken. */
function mayRefuse(record: ZonecfgRecord, call: ZonecfgCall, code: unknown): boolean {
  if (code === 'Z_NAME_IN_USE' || code === 'Z_BOGUS_ZONE_NAME') return call.fn === 'zonecfg_get_template_handle';
  return (
    record.results.some((result) => 'aborts' in result) ||
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test([...strings(call.args)].join('')) // prettier-ignore
  );
}

function* strings(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) yield* strings(each);
}

/** What differs, undefined when all that can be said came back as recorded. */
export async function playCalls(record: ZonecfgRecord): Promise<string | undefined> {
  const root = rootOf(record);
  const player = new Player(root);
  try {
    for (const [at, call] of record.calls.entries()) {
      const wanted = record.results[at];
      // After a call that ended the process nothing was recorded.
      if (wanted === undefined) return undefined;
      let found: ZonecfgResult;
      try {
        found = await player.play(call);
      } catch (error) {
        if (error instanceof NotSaid) {
          if (error.effect || 'aborts' in wanted || 'crashes' in wanted) return undefined;
          continue;
        }
        if (error instanceof TypeError && mayRefuse(record, call, undefined)) return undefined;
        throw error;
      }
      if ('aborts' in wanted || 'crashes' in wanted) return undefined;
      if ('client' in wanted) {
        if (found['code'] !== 'Z_TOO_BIG') return `call ${at} ${call.fn}: took what does not fit`;
        continue;
      }
      if (!isDefined(record, at) || isSame(call.fn, wanted, found)) continue;
      if (wanted['code'] === 'Z_OK' && mayRefuse(record, call, found['code'])) return undefined;
      return `call ${at} ${call.fn}: ${unequal(wanted, found)}`;
    }
    return fileDifference(record, root.files());
  } finally {
    player.close();
    root.remove();
  }
}

/** The same for a brand: its hooks. */
export async function playBrand(record: BrandRecord): Promise<string | undefined> {
  // Read once in a process.
  if (record.zpool !== undefined) return undefined;
  const root = rootOf(record);
  try {
    const brand = await loadNative('zonecfg').brandInfo(record.brand.slice(0, 255), 'z1', '/zones/z1');
    if ((brand !== undefined) !== (record.open && record.brand.length < 256)) return 'opened differently';
    for (const [at, call] of record.calls.entries()) {
      const hook = /^brand_get_(\w+)$/.exec(call.fn)?.[1] ?? '';
      const result = record.results[at];
      if (brand === undefined || result === undefined || call.size !== undefined) continue;
      const wanted = result['out'] ?? '';
      const plain = new Map([
        ['initname', brand.initName], ['modname', brand.kernelModule], ['installopts', brand.installOptions],
        ['verify_cfg', brand.verifyConfiguration],
      ]); // prettier-ignore
      let found: unknown = plain.get(hook);
      if (call.fn === 'brand_restartinit') found = brand.restartInit;
      else if (call.fn === 'brand_allow_exclusive_ip') found = brand.allowExclusiveIp;
      else if (isDeepStrictEqual(call.args, ['z1', '/zones/z1'])) found = brand.hooks[hook] ?? '';
      const isExported = !/_iter_|_(clone|postclone|presnap|postsnap|validatesnap)$/.test(call.fn);
      if (found !== undefined && isExported && found !== wanted) return `${call.fn}: ${unequal(wanted, found)}`;
    }
    return undefined;
  } finally {
    root.remove();
  }
}
