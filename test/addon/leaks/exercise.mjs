// Calls every addon some times over, well and badly, for leaks.test.ts to watch. Plain JavaScript: it runs slowly enough.
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [folder, pool, lxcPath, zone, pid] = process.argv.slice(2);
const load = (name) => createRequire(import.meta.url)(`../../../addon/build/Release/${name}.node`);
const [posix, rootfs, netlink, btrfs, lxc, codec, isal, tree] = [
  'posix', 'rootfs', 'netlink', 'btrfs', 'lxc', 'codec', 'isal', 'tree',
].map(load); // prettier-ignore
const init = Number(pid);

// Waiting for a lock alone does not keep Node running.
const alive = setInterval(() => undefined, 1000);

/** More often than anything is done once only. */
const times = 20;

/** Runs `work` again and again; failures are as welcome as success. */
async function exercise(...work) {
  for (let i = 0; i < times; i++) {
    for (const each of work) {
      try {
        const result = await each(i);
        result?.close?.();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
    }
  }
}

await exercise(
  () => posix.lockFile(join(folder, 'lock'), 0o600, false),
  () => posix.lockFile(join(folder, 'lock'), 0o600, true),
  () => posix.lockFile('/nonexistent/lock', 0o600, false),
  () => posix.lockFile(7),
  () => posix.mount('tmpfs', folder, 'tmpfs', ['nosuid', 'wrong'], ''),
  () => posix.unmount('/nonexistent', false),
  () => posix.attachLoop('/nonexistent', true),
  () => posix.openProcess(process.pid),
  () => posix.openProcess(2 ** 22),
  async () => {
    const self = posix.openProcess(process.pid);
    const ended = await self.waitForExit(1);
    self.kill(0);
    return ended ? undefined : self;
  },
);

mkdirSync(join(folder, 'root/etc'), { recursive: true });
writeFileSync(join(folder, 'root/etc/file'), 'text');
const root = join(folder, 'root');
await exercise(
  () => rootfs.kindOf(root, '/etc/file'),
  () => rootfs.kindOf(root, '/etc/file/x'),
  () => rootfs.readFile(root, '/etc/file', 1000),
  () => rootfs.readFile(root, '/etc/file', 1),
  () => rootfs.writeFile(root, '/etc/new', Buffer.alloc(10_000), 0o644),
  () => rootfs.makeDirectory(root, '/etc/made', 0o755),
  () => rootfs.removeDirectory(root, '/etc/made'),
  () => rootfs.removeDirectory(root, '/etc'),
  () => rootfs.writeFile(root, '/none/new', Buffer.alloc(10), 0o644),
  () => rootfs.writeFile(root, '/etc/new', 'text', 0o644),
  () => rootfs.makeDirectory(root, '/a/b/c', 0o755),
);

await exercise(
  (i) => netlink.createBridge(`br${i}`, { mac: '02:00:00:00:00:01', mtu: 1400 }),
  (i) => netlink.createBridge(`br${i}`),
  (i) => netlink.createVeth(`v${i}a`, { name: `v${i}b` }),
  (i) => netlink.createVeth('x'.repeat(100), {}),
  (i) => netlink.changeLink(`v${i}a`, { master: `br${i}`, up: true, alias: 'a' }),
  () => netlink.changeLink('nowhere', { up: true }),
  (i) => netlink.addAddress(`br${i}`, `10.0.${i}.1/24`),
  (i) => netlink.addAddress(`br${i}`, 'none'),
  (i) => netlink.addRoute({ destination: `10.9.${i}.0/24`, link: `br${i}` }),
  () => netlink.links(),
  () => netlink.links({ pid: init }),
  () => netlink.links({ fd: 9999 }),
  (i) => netlink.findLink(`v${i}a`),
  () => netlink.addresses(),
  () => netlink.routes(),
  (i) => netlink.deleteRoute({ destination: `10.9.${i}.0/24`, link: `br${i}` }),
  (i) => netlink.createVlan('x', `br${i}`, 7),
  (i) => netlink.deleteLink(`br${i}`),
  () => netlink.deleteLink('nowhere'),
);

await exercise(
  (i) => btrfs.createSubvolume(join(pool, `s${i}`)),
  (i) => btrfs.createSubvolume(join(pool, `s${i}`)),
  (i) => btrfs.snapshotSubvolume(join(pool, `s${i}`), join(pool, `c${i}`)),
  (i) => btrfs.setAttribute(join(pool, `c${i}`), 'user.x', 'value'),
  (i) => btrfs.setReadOnly(join(pool, `c${i}`), true),
  (i) => btrfs.inspect(join(pool, `c${i}`), 'user.x'),
  () => btrfs.inspect(join(pool, 'none'), 'user.x'),
  () => btrfs.inspect('/proc', 'user.x'),
  () => btrfs.list(pool, 'user.x'),
  () => btrfs.list('/proc', 'user.x'),
  () => btrfs.listFolder(pool, 'user.x'),
  () => btrfs.listFolder(join(pool, 'none'), 'user.x'),
  () => btrfs.listCopies(pool, [256n], 'user.x'),
  () => btrfs.listCopies(pool, [7], 'user.x'),
  () => btrfs.qgroupMembers(pool, 1n << 48n),
  () => btrfs.usage(pool, [5n, 1n << 48n], false),
  () => btrfs.quotaMode(pool),
  () => btrfs.enableQuotas('/proc'),
  () => btrfs.createQgroup(pool, 1n << 48n),
  () => btrfs.createQgroup(pool, 7),
  () => btrfs.removeQgroup(pool, 1n << 48n),
  (i) => btrfs.deleteSubvolume(join(pool, `c${i}`)),
  () => btrfs.deleteSubvolume(join(pool, 'none')),
  () => btrfs.sync(pool),
);

const noise = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919) % 251));
const output = Buffer.alloc(100_000);
await exercise(
  () => codec.fletcher4(Buffer.from(new ArrayBuffer(40)), noise, 0, noise.length, false),
  () => codec.fletcher4(Buffer.alloc(3), noise, 0, noise.length, false),
  () => codec.readHeader(Buffer.from(new ArrayBuffer(432)), noise, 0, 16, true),
  () => codec.readHeader(Buffer.alloc(3), noise, 0, 16, true),
  () => codec.readAttributes(Buffer.from(new ArrayBuffer(528)), noise, Uint16Array.of(0, 16, 17, 0), true),
  () => codec.readAttributes(Buffer.alloc(3), noise, new Uint16Array(2), true),
  () => codec.decompressLz4(noise, output),
  () => codec.decompressZstd(noise, output),
  () => codec.decompressLzjb(noise, output),
  () => codec.decompressZle(noise, output),
  () => codec.decompressZstd(7, output),
  () => codec.openZstd(),
  async () => {
    const stream = codec.openZstd();
    try {
      stream.give(Buffer.from('28b52ffd0458', 'hex'));
      stream.give(noise);
      await stream.fill(output);
    } finally {
      stream.close();
    }
  },
  () => isal.openGzip(),
  async () => {
    const stream = isal.openGzip();
    try {
      stream.give(gzipSync(noise));
      await stream.fill(output.subarray(0, 100));
      stream.give(Buffer.from('1f8b08000000000000ff07', 'hex'));
      await stream.fill(output);
    } finally {
      stream.close();
    }
  },
  async () => {
    const stream = isal.openGzip();
    stream.give(gzipSync(noise));
    const waiting = Promise.all([stream.fill(output), stream.fill(output)]);
    stream.close();
    await waiting;
  },
);

mkdirSync(join(folder, 'tree'), { recursive: true });
await exercise(
  (i) => tree.openTree(join(folder, 'tree'), `stage${i}`),
  () => tree.openTree('/nonexistent', 'stage'),
  () => tree.openTree(join(folder, 'tree'), '../stage'),
  () => tree.openFile(join(folder, 'volume')),
  () => tree.openFile('/nonexistent/volume'),
  async (i) => {
    const runner = tree.openTree(join(folder, 'tree'), `other${i}`);
    try {
      const lists = [Buffer.alloc(0), noise.subarray(i), noise].map((list) => runner.run(list, [noise]));
      await Promise.all(lists);
    } finally {
      runner.close();
    }
  },
);

await exercise(
  () => lxc.monitors(lxcPath),
  () => lxc.monitors('/nonexistent'),
  () => lxc.findMonitor(lxcPath, zone),
  () => lxc.findMonitor(lxcPath, '../x'),
  () => lxc.openConsole(lxcPath, zone),
  () => lxc.openConsole(lxcPath, 'nobody'),
  () => lxc.stop(lxcPath, 'nobody'),
  () => lxc.setHostname(init, 'name'),
  () => lxc.setHostname(2 ** 22, 'name'),
  () => lxc.limitIpc(init, { 'kernel/msgmni': '10' }),
  () => lxc.limitIpc(init, { 'kernel/none': '10' }),
  () => lxc.limitLockedMemory(init, 65_536),
);

// What JavaScript holds no longer is let go of.
for (let i = 0; i < 3; i++) {
  globalThis.gc();
  await new Promise((resolve) => setImmediate(resolve));
}
clearInterval(alive);
process.stdout.write('exercised\n');
