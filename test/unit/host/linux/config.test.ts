import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { describeError } from '../../../../lib/errors.js';
import { configFile, readConfig } from '../../../../lib/host/linux/config.js';

describe('the configuration of a Linux host', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'config-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function write(text: string): Promise<void> {
    await mkdir(dirname(configFile(root)), { recursive: true });
    await writeFile(configFile(root), text);
  }

  async function refusal(text: string): Promise<string> {
    await write(text);
    try {
      await readConfig(root);
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, 'ConfigInvalid');
      return describeError(error);
    }
    throw new Error('it was accepted');
  }

  it('is one pool and one network when there is no file', async () => {
    assert.deepEqual(await readConfig(root), {
      pools: { zones: { driver: 'btrfs' } },
      nicTags: { admin: {} },
      defaultPool: 'zones',
    });
  });

  it('keeps what it says, with defaults for the rest', async () => {
    await write('{"pools": {"tank": {"driver": "btrfs", "device": "/dev/vdb", "mountpoint": "/tank"}}}');
    assert.deepEqual(await readConfig(root), {
      pools: { tank: { driver: 'btrfs', device: '/dev/vdb', mountpoint: '/tank' } },
      nicTags: { admin: {} },
      defaultPool: 'tank',
    });
  });

  it('is refused with file, line and column when it is not JSON', async () => {
    assert.match(await refusal('{\n  "pools": \n}'), /config\.json, line 3, column 1: unexpected "}"/);
  });

  it('is refused where a network cannot be served, naming the setting', async () => {
    const nicTags = {
      admin: { subnet: '10.1.0.0' }, one: { subnet: 'fd00::/64' }, two: { subnet: '10.300.0.0/16' }, three: { subnet: '10.2.0.0/31' },
      four: { subnet: '10.3.0.0/16' }, five: { subnet: '10.3.4.0/24' },
    }; // prettier-ignore
    const text = await refusal(JSON.stringify({ nicTags }));
    assert.ok(text.startsWith(`${configFile(root)}: nicTags.admin.subnet: `), text);
    for (const name of ['admin', 'one', 'two', 'three', 'five'])
      assert.ok(text.includes(`nicTags.${name}.subnet`), text);
    assert.ok(text.includes('nicTags.five.subnet (10.3.4.0/24) overlaps nicTags.four.subnet'), text);
    await write(JSON.stringify({ nicTags: { admin: { subnet: '10.3.0.0/16' }, other: {} } }));
    assert.equal((await readConfig(root)).nicTags['admin']?.subnet, '10.3.0.0/16');
  });

  it('is refused naming each faulty setting', async () => {
    const text = await refusal(
      JSON.stringify({
        pools: { zones: { driver: 'ufs', sizeGib: 1 }, tank: { driver: 'btrfs', device: '/dev/x', file: '/y' } },
        nicTags: { admin: { mtu: 12 }, 'a b': {} },
      }),
    );
    assert.match(text, /pools\.zones must not have "sizeGib"/);
    assert.match(text, /pools\.zones\.driver must be one of \["btrfs"\]/);
    assert.match(text, /pools\.tank must not have both device and file/);
    assert.match(text, /nicTags\.admin\.mtu must be >= 1280/);
    assert.match(text, /nicTags must not have the name "a b"/);
  });

  it('is refused when the default pool is none of the pools', async () => {
    assert.match(await refusal('{"defaultPool": "tank"}'), /"tank" is none of the pools/);
  });

  it('is refused when it is no object', async () => {
    for (const text of ['[]', 'null', '3']) assert.match(await refusal(text), /the whole must be object/);
  });
});
