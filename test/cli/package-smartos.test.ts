/** The archive for SmartOS: what is in it, and what its service does there, as far as another system can tell. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../..', import.meta.url));
const run = (file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(file, args, { encoding: 'utf8', env: { ...process.env, ...env }, cwd: top });

describe(
  'the archive for SmartOS',
  { skip: existsSync(join(top, 'dist/vmadm.js')) ? false : 'nothing is built' },
  () => {
    let folder: string;
    let home: string;

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'smartadm-package-'));
      const addons = join(folder, 'addons');
      mkdirSync(addons);
      for (const name of ['codec', 'dladm', 'kstat', 'posix', 'rootfs', 'sysevent', 'tree', 'zfs', 'zonecfg'])
        writeFileSync(join(addons, `${name}.node`), name);
      // In place of a Node, what says that it has been called.
      const node = join(folder, 'node');
      writeFileSync(node, '#!/bin/sh\necho "$@"\n');
      chmodSync(node, 0o755);
      const out = join(folder, 'made.tar.gz');
      const made = run(process.execPath, ['bin/package-smartos.mjs', '--addons', addons, '--node', node, '--out', out]);
      assert.equal(made.status, 0, made.stderr);
      assert.equal(run('tar', ['-xzf', out, '-C', folder]).status, 0);
      home = join(folder, 'opt/smartadm');
    });
    after(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it('has programs, addons, manuals and a service, and nothing of tests', () => {
      for (const name of [
        'dist/vmadm.js',
        'dist/imgadm.js',
        'dist/vmadm.program.js',
        'addon/build/Release/zonecfg.node',
        'man/man8/vmadm.8',
        'LICENSE',
      ]) {
        assert.ok(existsSync(join(home, name)), name);
      }
      assert.equal(readFileSync(join(home, 'addon/build/Release/zfs.node'), 'utf8'), 'zfs');
      assert.equal(existsSync(join(home, 'dist/for-tests')), false);
      for (const name of ['sbin/vmadm', 'sbin/imgadm', 'libexec/commands', 'bin/node']) {
        assert.equal(statSync(join(home, name)).mode & 0o777, 0o755, name);
      }
    });

    it('has a manifest that is well formed', () => {
      const manifest = join(folder, 'opt/custom/smf/smartadm.xml');
      const text = readFileSync(manifest, 'utf8');
      assert.match(text, /exec="\/opt\/smartadm\/libexec\/commands start"/);
      const parser = run('python3', [
        '-c',
        'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])',
        manifest,
      ]);
      assert.equal(parser.status, 0, parser.stderr);
    });

    it('has commands that run the programs by the Node beside them', () => {
      const { stdout } = run('sh', [join(home, 'sbin/vmadm'), 'get', 'a b'], { SMARTADM_HOME: home });
      assert.equal(stdout, `${home}/dist/vmadm.js get a b\n`);
    });

    describe('its service', () => {
      const method = () => join(home, 'libexec/commands');
      let env: NodeJS.ProcessEnv;

      before(() => {
        const platform = join(folder, 'usr');
        for (const name of ['vm/sbin/vmadm', 'img/sbin/imgadm']) {
          mkdirSync(join(platform, name, '..'), { recursive: true });
          writeFileSync(join(platform, name), '');
          // The shell of illumos has another place.
          const command = join(home, 'sbin', name.split('/').at(-1) ?? '');
          writeFileSync(command, readFileSync(command, 'utf8').replace('#!/sbin/sh', '#!/bin/sh'));
        }
        writeFileSync(join(folder, 'mnttab'), '');
        env = {
          SMARTADM_DRY_RUN: 'yes',
          SMARTADM_HOME: home,
          SMARTADM_PLATFORM: platform,
          SMARTADM_MNTTAB: join(folder, 'mnttab'),
        };
      });

      it('is a script that a shell takes', () => {
        assert.equal(run('sh', ['-n', method()]).status, 0);
        assert.equal(run('sh', [method(), 'restart']).status, 2);
      });

      it('puts both commands over those of the platform, once', () => {
        const lines = [
          `mount -F lofs -o ro ${home}/sbin/vmadm ${folder}/usr/vm/sbin/vmadm`,
          `mount -F lofs -o ro ${home}/sbin/imgadm ${folder}/usr/img/sbin/imgadm`,
        ];
        const first = run('sh', [method(), 'start'], env);
        assert.deepEqual([first.status, first.stdout], [0, `${lines.join('\n')}\n`], first.stderr);
        assert.equal(run('sh', [method(), 'stop'], env).stdout, '');
        writeFileSync(join(folder, 'mnttab'), `${home}/sbin/vmadm\t${folder}/usr/vm/sbin/vmadm\tlofs\tro\t1\n`);
        assert.equal(run('sh', [method(), 'start'], env).stdout, `${lines[1] ?? ''}\n`);
        assert.equal(run('sh', [method(), 'stop'], env).stdout, `umount ${folder}/usr/vm/sbin/vmadm\n`);
      });

      it('leaves the platform as it is where ours do not work', () => {
        const broken = join(folder, 'broken');
        mkdirSync(join(broken, 'sbin'), { recursive: true });
        copyFileSync(join(home, 'sbin/vmadm'), join(broken, 'sbin/vmadm'));
        const { status, stdout } = run('sh', [method(), 'start'], { ...env, SMARTADM_HOME: broken });
        assert.deepEqual([status, stdout], [96, '']);
      });
    });
  },
);
