/** Payloads that mean harm: one clear error, no crash, nothing slower than its size. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { memberRows } from '../../../lib/schema/json-schema.js';
import { vmRows } from '../../../lib/schema/vm.js';
import type { VmObject } from '../../../lib/schema/generated/vm.js';
import { SmartadmError } from '../../../lib/errors.js';
import { parseCreatePayload } from '../../../lib/vm/payload.js';
import { planUpdate } from '../../../lib/vm/update-plan.js';
import { validatePayload } from '../../../lib/vm/validate.js';
import { recordedFacts } from './flows.js';

type Payload = Readonly<Record<string, unknown>>;

const facts = recordedFacts([]);
const bases: Readonly<Record<string, Payload>> = {
  lx: { brand: 'lx', image_uuid: '33333333-3333-4333-8333-333333333333', kernel_version: '4.4.0' },
  bhyve: { brand: 'bhyve' },
};
const mac = '02:08:20:00:00:01';
const path = '/dev/zvol/rdsk/zones/x/disk0';
const elements: Readonly<Record<string, Payload>> = {
  nics: { nic_tag: 'admin', ips: ['dhcp'], mac, model: 'virtio' },
  disks: { size: 10, model: 'virtio', path, nocreate: true },
  filesystems: { source: '/a', target: '/b', type: 'lofs' },
  pci_devices: { path: '/devices/x', pci_slot: '1:2:3' },
};

function vmOf(brand: string): VmObject {
  const uuid = 'c1000001-0000-4000-8000-000000000001';
  return {
    uuid, zonename: uuid, brand, state: 'stopped', zone_state: 'installed', zpool: 'zones', quota: 10,
    max_physical_memory: 512, max_locked_memory: 512, max_swap: 1024, ram: 256,
    nics: [{ mac, nic_tag: 'admin', ips: ['10.0.0.1/24'], interface: 'net0', primary: true }],
    disks: [{ path, size: 10, model: 'virtio' }], filesystems: [{ target: '/b' }], pci_devices: [{ path: '/devices/x' }],
  }; // prettier-ignore
}

function deep(value: (inner: unknown) => unknown): unknown {
  let result: unknown = [];
  for (let depth = 0; depth < 10_000; depth += 1) result = value(result);
  return result;
}

const odd: readonly unknown[] = [
  null, true, -1, 1e308, '', 'x', 'a,b', [], [null], [[1]], [{}], { a: null }, '\u0000\ud800', { toString: 5, valueOf: 5 },
  deep((inner) => [inner]), deep((inner) => ({ a: inner })), 'x'.repeat(100_000),
  JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'),
]; // prettier-ignore

/** Fulfilled, or refused in a line that says what about. */
async function survives(outcome: Promise<unknown>, what: string): Promise<void> {
  try {
    await outcome;
  } catch (error) {
    assert.ok(error instanceof SmartadmError, `${what}: ${String(error instanceof Error ? error.stack : error)}`);
    assert.equal(error.code, 'PayloadInvalid', what);
    assert.doesNotMatch(error.message, /\[object|NaN/, what);
  }
  assert.equal(({} as Payload)['polluted'], undefined, what);
}

let count = 0;

/** As a new VM, created or received by turns, and as a change of one. */
async function surviveAll(brand: string, payload: Payload, change: Payload, what: string): Promise<void> {
  const action = (count += 1) % 2 === 0 ? 'create' : 'receive';
  await survives(parseCreatePayload(payload, facts, action), `${action} ${what}`);
  await survives(planUpdate(vmOf(brand), change, facts), `update ${what}`);
  await survives(validatePayload(change, 'update', brand, facts), `validate ${what}`);
}

/** Names included that objects have by nature. */
function withMember(object: Payload | undefined, name: string, value: unknown): Payload {
  return Object.fromEntries([...Object.entries(object ?? {}), [name, value]]);
}

describe('a hostile payload', () => {
  it('is refused when it is no object', async () => {
    for (const payload of [null, [], 'x', 1, true, undefined, deep((inner) => [inner])]) {
      await assert.rejects(parseCreatePayload(payload, facts), { code: 'PayloadInvalid' });
      await assert.rejects(planUpdate(vmOf('lx'), payload, facts), { code: 'PayloadInvalid' });
    }
  });

  for (const [brand, payload] of Object.entries(bases)) {
    it(`of ${brand} may have any value for any property`, async () => {
      for (const name of [...vmRows.map((row) => row.name), '__proto__', 'constructor', 'hasOwnProperty']) {
        for (const [at, value] of odd.entries()) {
          await surviveAll(brand, withMember(payload, name, value), withMember({}, name, value), `${name}, ${at}`);
        }
      }
    });

    it(`of ${brand} may have any value for any member`, async () => {
      for (const [noun, element] of Object.entries(elements)) {
        const names = memberRows[noun as keyof typeof memberRows].map((row) => row.name);
        for (const name of [...names, '__proto__', 'constructor']) {
          for (const [at, value] of odd.entries()) {
            const list = [withMember(element, name, value)];
            const change = { [`add_${noun}`]: list, [`update_${noun}`]: list };
            await surviveAll(brand, { ...payload, [noun]: list }, change, `${noun}.${name}, ${at}`);
          }
        }
      }
    });
  }

  it('may be any JSON', async () => {
    const names = fc.constantFrom(...vmRows.map((row) => row.name));
    const payload = fc.dictionary(fc.oneof(names, fc.string()), fc.jsonValue({ maxDepth: 4 }));
    await fc.assert(
      fc.asyncProperty(payload, fc.constantFrom(...Object.keys(bases)), async (members, brand) => {
        await surviveAll(brand, { ...bases[brand], ...members }, members, JSON.stringify(members));
      }),
      { numRuns: 300 },
    );
  });

  it('takes time in proportion to its size', async () => {
    const many = (count: number): Payload => ({
      ...bases['lx'],
      ...Object.fromEntries(Array.from({ length: count }, (_one, at) => [`unknown_${at}`, at])),
      tags: Object.fromEntries(Array.from({ length: count }, (_one, at) => [`t${at}`, at])),
      nics: Array.from({ length: count }, (_one, at) => ({
        nic_tag: 'admin',
        [`m${at}`]: 1,
        ips: [`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}/24`],
      })),
    });
    const cost = async (count: number): Promise<number> => {
      const payload = many(count);
      const before = process.cpuUsage();
      const random = (limit: number): number => Math.floor(Math.random() * limit);
      await parseCreatePayload(payload, { ...facts, random });
      return process.cpuUsage(before).user;
    };
    await cost(500);
    const [small, large] = [await cost(1000), await cost(10_000)];
    assert.ok(large < 40 * Math.max(small, 50_000), `${small} µs for 1000, ${large} µs for 10000`);
  });
});
