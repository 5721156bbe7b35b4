/** Every export of posix.node with good and bad arguments. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import { removeRoot } from '../pool.js';

const posix = loadNative('posix');
let root: string;
const at = (name: string): string => join(root, name);
const code = (expected: string) => (error: unknown) => {
  assert.equal(codeOf(error), expected);
  return true;
};
/** Arguments that are wrong by type are refused at the call, before any work. */
const throwsTypeError = (call: () => unknown): void => {
  assert.throws(call, (error) => error instanceof TypeError || error instanceof RangeError);
};
const untyped = posix as unknown as Record<string, (...args: unknown[]) => unknown>;
const call = (name: string, ...args: unknown[]): unknown => untyped[name]?.(...args);

/** Waiting for a lock alone does not keep Node running. */
let running: NodeJS.Timeout;
before(() => {
  running = setInterval(() => undefined, 1000);
  root = mkdtempSync(join(tmpdir(), 'smartadm-posix-'));
});
after(() => {
  clearInterval(running);
  removeRoot(root);
});

describe('every export', () => {
  const good: Readonly<Record<string, readonly unknown[]>> = {
    lockFile: ['/nowhere/x', 0o600, false],
    mount: ['none', '/nowhere/x', 'tmpfs', [], ''],
    unmount: ['/nowhere/x', false],
    attachLoop: ['/nowhere/x', false],
    openProcess: [2 ** 22 + 1],
    runProgram: ['/nowhere/x', [], [], '', 1000],
  };

  it('is tested here', () => {
    assert.deepEqual(Object.keys(posix).sort(), Object.keys(good).sort());
  });

  it('refuses missing and mistyped arguments at the call', () => {
    for (const [name, args] of Object.entries(good)) {
      args.forEach((_, index) => {
        for (const wrong of [undefined, null, {}, Symbol('x'), -1.5, Number.NaN]) {
          throwsTypeError(() => call(name, ...args.slice(0, index), wrong, ...args.slice(index + 1)));
        }
        const isText = (name === 'mount' && index !== 1) || (name === 'runProgram' && index === 3);
        if (typeof args[index] !== 'string' || isText) return;
        for (const wrong of ['', 'a\0b', 'x'.repeat(5000)]) {
          throwsTypeError(() => call(name, ...args.slice(0, index), wrong, ...args.slice(index + 1)));
        }
      });
    }
    throwsTypeError(() => call('mount', 'none', at('x'), 'tmpfs', ['shiny'], ''));
    throwsTypeError(() => call('lockFile', at('x'), 0o7777, false));
  });

  it('says what failed, on what, and how', async () => {
    for (const [name, args] of Object.entries(good)) {
      const failed = (error: unknown): boolean => {
        assert.ok(
          error instanceof Error && 'library' in error && 'operation' in error && 'errno' in error,
          String(error),
        );
        assert.match(codeOf(error) ?? '', /^E[A-Z]+$/);
        assert.ok(error.message.includes(String(args.find((arg) => arg !== 'none'))), error.message);
        return true;
      };
      if (name === 'openProcess') assert.throws(() => call(name, ...args), failed);
      else await assert.rejects(() => call(name, ...args) as Promise<unknown>, failed);
    }
  });
});

describe('lockFile', () => {
  it('has one holder, who may close twice', async () => {
    const first = await posix.lockFile(at('lock'), 0o640, false);
    assert.equal(statSync(at('lock')).mode & 0o777, 0o640);
    assert.equal(await posix.lockFile(at('lock'), 0o640, false), undefined);
    const waiting = posix.lockFile(at('lock'), 0o640, true);
    first?.close();
    first?.close();
    const second = await waiting;
    assert.ok(second !== undefined);
    second.close();
  });

  it('passes 1000 waiters on, one at a time', async () => {
    let inside = 0;
    await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const lock = await posix.lockFile(at('many'), 0o600, true);
        assert.equal((inside += 1), 1);
        await Promise.resolve();
        inside -= 1;
        lock?.close();
      }),
    );
  });

  it('does not follow a link, nor lock a folder', async () => {
    symlinkSync(at('lock'), at('link'));
    await assert.rejects(posix.lockFile(at('link'), 0o600, false), code('ELOOP'));
    await assert.rejects(posix.lockFile(root, 0o600, false), code('EISDIR'));
  });
});

describe('mount and unmount', () => {
  it('mount a filesystem with flags and options, and take it away', async () => {
    mkdirSync(at('tmpfs'));
    await posix.mount('none', at('tmpfs'), 'tmpfs', ['nosuid', 'nodev', 'noexec', 'noatime'], 'size=64k');
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((each) => each.includes(at('tmpfs')));
    assert.match(line ?? '', /nosuid,nodev,noexec,noatime.*size=64k/);
    await posix.mount('none', at('tmpfs'), '', ['remount', 'ro'], '');
    assert.throws(() => {
      writeFileSync(at('tmpfs/x'), '');
    }, code('EROFS')); // prettier-ignore
    await posix.mount('none', at('tmpfs'), '', ['private'], '');
    await posix.unmount(at('tmpfs'), false);
    await assert.rejects(posix.unmount(at('tmpfs'), false), code('EINVAL'));
  });

  it('bind and move folders, and detach what is in use', async () => {
    for (const name of ['from', 'to', 'moved']) mkdirSync(at(name));
    writeFileSync(at('from/x'), 'x');
    await posix.mount(at('from'), at('to'), '', ['bind'], '');
    assert.equal(readFileSync(at('to/x'), 'utf8'), 'x');
    const user = spawn('sleep', ['600'], { cwd: at('to') });
    await once(user, 'spawn');
    await assert.rejects(posix.unmount(at('to'), false), code('EBUSY'));
    await posix.unmount(at('to'), true);
    assert.deepEqual(readdirSync(at('to')), []);
    user.kill('SIGKILL');
  });

  it('do not follow a link', async () => {
    mkdirSync(at('real'));
    symlinkSync(at('real'), at('alias'));
    await posix.mount('none', at('real'), 'tmpfs', [], '');
    await assert.rejects(posix.unmount(at('alias'), false), code('EINVAL'));
    await posix.unmount(at('real'), false);
  });
});

describe('attachLoop', () => {
  const backingOf = (device: string): string | undefined => {
    const file = `/sys/block/${device.replace('/dev/', '')}/loop/backing_file`;
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  };
  before(() => {
    writeFileSync(at('disk'), '');
    truncateSync(at('disk'), 2 ** 20);
  });

  it('attaches a file until its handle is closed, twice if you like', async () => {
    const loop = await posix.attachLoop(at('disk'), false);
    assert.match(loop.path, /^\/dev\/loop\d+$/);
    assert.equal(backingOf(loop.path), at('disk'));
    writeFileSync(loop.path, 'hello', { flag: 'r+' });
    loop.close();
    loop.close();
    assert.equal(readFileSync(at('disk')).subarray(0, 5).toString(), 'hello');
    for (let tries = 0; backingOf(loop.path) === at('disk') && tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.notEqual(backingOf(loop.path), at('disk'));
  });

  it('keeps a read-only one from being written', async () => {
    const loop = await posix.attachLoop(at('disk'), true);
    assert.throws(() => {
      writeFileSync(loop.path, 'hello', { flag: 'r+' });
    }); // prettier-ignore
    loop.close();
  });

  it('gives 16 at once a device each', async () => {
    const loops = await Promise.all(Array.from({ length: 16 }, () => posix.attachLoop(at('disk'), true)));
    assert.equal(new Set(loops.map((loop) => loop.path)).size, 16);
    for (const loop of loops) loop.close();
  });

  it('says that there is no such file', async () => {
    await assert.rejects(posix.attachLoop(at('none'), false), code('ENOENT'));
  });
});

describe('openProcess', () => {
  const children: ChildProcess[] = [];
  const start = async (): Promise<ChildProcess & { readonly pid: number }> => {
    const child = spawn('sleep', ['600']);
    children.push(child);
    await once(child, 'spawn');
    return child as ChildProcess & { readonly pid: number };
  };
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  it('waits, signals, and knows when it has ended', async () => {
    const child = await start();
    const process = posix.openProcess(child.pid);
    assert.equal(await process.waitForExit(10), false);
    process.kill(0);
    process.kill(15);
    assert.equal(await process.waitForExit(), true);
    assert.equal(await process.waitForExit(0), true);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    assert.throws(() => {
      process.kill(15);
    }, code('ESRCH')); // prettier-ignore
    process.close();
  });

  it('wakes 100 waiters when closed, and refuses use afterwards', async () => {
    const process = posix.openProcess((await start()).pid);
    const waiting = Array.from({ length: 100 }, () => process.waitForExit());
    process.close();
    process.close();
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([false]));
    assert.throws(() => {
      process.kill(0);
    }, code('ERR_CLOSED')); // prettier-ignore
    assert.throws(() => process.waitForExit(0), code('ERR_CLOSED'));
  });

  it('refuses signals and times that are none', async () => {
    const process = posix.openProcess((await start()).pid) as unknown as Record<string, (value: unknown) => unknown>;
    for (const wrong of [-1, 65, 1.5, 'KILL', undefined]) throwsTypeError(() => process['kill']?.(wrong));
    for (const wrong of [-1, 2 ** 31, '1', null]) throwsTypeError(() => process['waitForExit']?.(wrong));
    process['close']?.(undefined);
  });

  it('opens 1000 and gives all descriptors back', async () => {
    const { pid } = await start();
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    const all = Array.from({ length: 1000 }, () => posix.openProcess(pid));
    assert.ok(open() >= before + 1000);
    for (const each of all) each.close();
    assert.ok(open() <= before + 2);
  });
});

describe('runProgram', () => {
  it('gives a program its arguments, environment and input, and collects what it prints', async () => {
    const done = await posix.runProgram('sh', ['-c', 'cat; pwd >&2; exit 3'], [], 'wörter', 5000);
    assert.deepEqual(done, { status: 3, stdout: 'wörter', stderr: '/\n' });
    const { stdout } = await posix.runProgram('/usr/bin/env', [], ['A=b c'], '', 5000);
    assert.equal(stdout, 'A=b c\n');
  });

  it('passes on more than a pipe holds, both ways', async () => {
    const text = 'x'.repeat(3_000_000);
    assert.equal((await posix.runProgram('cat', [], [], text, 20_000)).stdout, text);
    assert.equal((await posix.runProgram('true', [], [], text, 20_000)).status, 0);
  });

  it('lets it get every signal', async () => {
    const { status } = await posix.runProgram('sh', ['-c', 'kill -PIPE $$'], [], '', 5000);
    assert.equal(status, 128 + 13);
  });

  it('ends what takes too long or prints without end, and leaves none behind', async () => {
    await assert.rejects(posix.runProgram('sleep', ['1000'], [], '', 50), code('ETIMEDOUT'));
    await assert.rejects(
      posix.runProgram('sh', ['-c', 'exec >&- 2>&-; exec sleep 1000'], [], '', 50),
      code('ETIMEDOUT'),
    );
    await assert.rejects(posix.runProgram('yes', [], [], '', 20_000), code('EFBIG'));
    await assert.rejects(posix.runProgram('no-such-program', [], [], '', 1000), code('ENOENT'));
    const { stdout } = await posix.runProgram('ps', ['--ppid', String(process.pid), '-o', 'comm='], [], '', 5000);
    assert.doesNotMatch(stdout, /sleep|yes/);
  });

  it('gives all descriptors back', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    await Promise.all(Array.from({ length: 50 }, () => posix.runProgram('true', [], [], '', 20_000)));
    assert.ok(open() <= before + 2);
  });
});

it('what is forgotten is freed with the process', () => {
  const script = `
    const { loadNative } = await import(${JSON.stringify(new URL('../../lib/host/native.ts', import.meta.url).href)});
    const posix = loadNative('posix');
    await posix.lockFile(${JSON.stringify(at('forgotten'))}, 0o600, false);
    void posix.lockFile(${JSON.stringify(at('forgotten'))}, 0o600, true);
    void posix.openProcess(process.pid);`;
  const done = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.deepEqual([done.status, done.stderr], [0, '']);
});
