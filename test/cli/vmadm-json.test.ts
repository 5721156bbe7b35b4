/** `--json` of create, update and validate: what became of a payload, beside the sentences that stay as they are. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { usageText } from '../../lib/cli/vmadm/usage-text.js';
import { runCaptured, type Outcome } from '../vectors/captured-cli.js';
import { onEachHost, openInMemory, type CliHost, type OpenCliHost } from './hosts.js';

const image = '11111111-1111-4111-8111-111111111111';
type Run = (argv: readonly string[], payload?: unknown) => Promise<Outcome & { readonly json: () => unknown }>;

/** Describes `what` on each kind of host, with a host of its own for each test. */
function onFreshHosts(what: string, suite: (run: Run) => void): void {
  onEachHost(what, (open) => {
    suite(withFreshHost(open));
  });
}

/** What runs vmadm, with standard output as JSON, on a host that `open` makes before each test of the suite. */
function withFreshHost(open: OpenCliHost): Run {
  let given: CliHost;
  beforeEach(async () => (given = await open()));
  afterEach(() => given.remove());
  return async (argv, payload = {}) => {
    const stdin = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const outcome = await runCaptured('vmadm', vmadm, argv, { host: given.host, root: given.root, stdin });
    return { ...outcome, json: (): unknown => JSON.parse(outcome.stdout) };
  };
}

const uuid = 'c1000001-0000-4000-8000-000000000001';
const base = { brand: 'joyent', image_uuid: image, uuid };

onFreshHosts('create --json', (run) => {
  it('tells what was applied, ignored with the nearest known name, and adjusted', async () => {
    const payload = {
      ...base,
      autoboot: false,
      max_physical_memory: 512,
      max_swap: 300,
      ailas: 'x',
      vnc_port: 5,
      xyzzy_q: 1,
    };
    const { exit, stderr, json } = await run(['create', '--json'], payload);
    assert.equal(exit, 0);
    assert.equal(stderr, `Successfully created VM ${uuid}\n`);
    assert.deepEqual(json(), {
      uuid,
      zonename: uuid,
      applied: ['brand', 'image_uuid', 'uuid', 'autoboot', 'max_physical_memory', 'max_swap'],
      pending_reboot: [],
      ignored: [
        { property: 'ailas', reason: 'unknown, did you mean alias?', did_you_mean: 'alias' },
        { property: 'vnc_port', reason: 'not allowed in create of joyent' },
        { property: 'xyzzy_q', reason: 'unknown' },
      ],
      adjusted: [{ property: 'max_swap', given: 300, taken: 512 }],
    });
  });

  it('tells what failed, with everything else as without it', async () => {
    const refused = { ...base, nics: [{ nic_tag: 'nowhere', ips: ['dhcp'] }], autoboot: false };
    const plain = await run(['create'], refused);
    const told = await run(['create', '--json'], refused);
    assert.equal(plain.stdout, '');
    assert.deepEqual([told.exit, told.stderr], [plain.exit, plain.stderr]);
    assert.deepEqual(told.json(), { error: { code: 'PayloadInvalid', message: plain.stderr.trimEnd() } });
    const broken = await run(['create', '--json'], '{');
    assert.equal((broken.json() as { error: { code: string } }).error.code, 'InvalidPayload');
    assert.equal(broken.exit, 1);
  });
});

onFreshHosts('update --json', (run) => {
  it('says what reaches a running VM and what waits for its reboot', async () => {
    assert.equal((await run(['create'], base)).exit, 0);
    const changes = { alias: 'a', cpu_cap: 50, hostname: 'h', autoboot: true, set_tags: { a: 1 }, tagz: {} };
    const { stderr, json } = await run(['update', uuid, '--json'], changes);
    assert.equal(stderr, `Successfully updated VM ${uuid}\n`);
    assert.deepEqual(json(), {
      uuid,
      applied: ['alias', 'cpu_cap', 'set_tags'],
      pending_reboot: ['hostname'],
      ignored: [{ property: 'tagz', reason: 'unknown, did you mean tags?', did_you_mean: 'tags' }],
      adjusted: [],
    });
  });

  it('has nothing wait on a VM that does not run', async () => {
    await run(['create'], { ...base, autoboot: false });
    const { json } = await run(['update', '--json', uuid, 'hostname=h', 'max_physical_memory=512']);
    const { applied, pending_reboot: pending } = json() as { applied: string[]; pending_reboot: string[] };
    assert.ok(applied.includes('hostname') && applied.includes('max_physical_memory'));
    assert.deepEqual(pending, []);
  });

  it('says what is missing or wrong', async () => {
    const missing = await run(['update', uuid, '--json'], { alias: 'a' });
    assert.equal(missing.exit, 1);
    assert.equal(missing.stderr, `VM ${uuid} not found\n`);
    assert.deepEqual(missing.json(), { error: { code: 'VmNotFound', message: `VM ${uuid} not found` } });
    const wrong = await run(['update', '--json', 'x'], { alias: 'a' });
    assert.equal(wrong.exit, 2);
    assert.equal(wrong.stderr, `Invalid or missing UUID for update\n${usageText()}`);
    assert.deepEqual(wrong.json(), { error: { code: 'Usage', message: 'Invalid or missing UUID for update' } });
  });
});

describe('update --json on Linux', () => {
  const run = withFreshHost(async () => {
    const given = await openInMemory();
    return { ...given, host: { ...given.host, features: { guestOs: 'linux' } } };
  });

  it('knows that a Linux host renames running zones, plugs NICs into them and sets their routes', async () => {
    const payload = {
      ...base,
      brand: 'lx',
      image_uuid: '33333333-3333-4333-8333-333333333333',
      kernel_version: '4.4.0',
    };
    assert.equal((await run(['create'], payload)).exit, 0);
    const changes = {
      hostname: 'h',
      resolvers: ['8.8.8.8'],
      add_nics: [{ nic_tag: 'admin', ips: ['dhcp'] }],
      set_routes: { '10.0.0.0/8': '10.1.1.1' },
      init_name: '/x',
    };
    const { json } = await run(['update', uuid, '--json'], changes);
    const { applied, pending_reboot: pending } = json() as { applied: string[]; pending_reboot: string[] };
    assert.deepEqual([...applied].sort(), ['add_nics', 'hostname', 'resolvers', 'set_routes']);
    assert.deepEqual(pending, ['init_name']);
  });

  it('knows that the routes of a machine are for the guest in it', async () => {
    for (const [brand, reached] of [
      ['lx', ['set_routes', 'remove_routes']],
      ['kvm', []],
    ] as const) {
      const changes = { set_routes: { '10.0.0.0/8': '10.1.1.1' }, remove_routes: ['10.9.0.0/16'] };
      const { json } = await run(['validate', 'update', brand, '--json'], changes);
      assert.deepEqual((json() as Record<string, unknown>)['applied'], reached);
    }
  });
});

onFreshHosts('validate --json', (run) => {
  it('tells the findings and what create would do', async () => {
    const payload = { brand: 'joyent', max_lwps: 'x', quota: 5, qouta: 5 };
    const plain = await run(['validate', 'create'], payload);
    const told = await run(['validate', 'create', '--json'], payload);
    assert.deepEqual([told.exit, told.stderr], [1, plain.stderr]);
    assert.deepEqual(told.json(), {
      valid: false,
      action: 'create',
      brand: 'joyent',
      bad_values: ['max_lwps'],
      bad_properties: ['qouta'],
      missing_properties: ['image_uuid'],
      applied: ['brand', 'quota'],
      pending_reboot: [],
      ignored: [{ property: 'qouta', reason: 'unknown, did you mean quota?', did_you_mean: 'quota' }],
      adjusted: [],
    });
  });

  it('tells what an update of a running VM would do', async () => {
    const payload = {
      alias: 'a',
      hostname: 'h',
      update_nics: [{ mac: '02:08:20:00:00:01', mtu: 9000, allow_ip_spoofing: true }],
    };
    const { exit, json } = await run(['validate', 'update', 'joyent', '--json'], payload);
    assert.equal(exit, 0);
    const { valid, applied, pending_reboot: pending } = json() as Record<string, unknown>;
    assert.equal(valid, true);
    assert.deepEqual(applied, ['alias', 'nics.*.allow_ip_spoofing']);
    assert.deepEqual(pending, ['hostname', 'nics.*.mtu']);
  });

  it('tells of adjustments, also of brands that are none', async () => {
    const adjusted = await run(['validate', 'create', '--json'], {
      ...base,
      max_physical_memory: 1024,
      max_locked_memory: 2048,
    });
    assert.deepEqual((adjusted.json() as Record<string, unknown>)['adjusted'], [
      { property: 'max_locked_memory', given: 2048, taken: 1024 },
    ]);
    const { exit, json } = await run(['validate', 'create', '--json'], { brand: 'vax', alias: 'a' });
    assert.equal(exit, 1);
    assert.deepEqual(json(), {
      valid: false, action: 'create', brand: null, bad_brand: 'vax', applied: [], pending_reboot: [], ignored: [], adjusted: [],
    }); // prettier-ignore
  });
});
