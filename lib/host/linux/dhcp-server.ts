/** The DHCP and DNS server of a network that this host serves: one dnsmasq(8) per bridge, and the addresses it keeps. */
import { link, mkdir, open, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../errors.js';
import { sleep } from '../../sleep.js';
import { sha256Hex } from '../../sha256.js';
import { hostError } from '../errors.js';
import { formatAddress, rangeOf } from './ip.js';
import { kill } from './kill.js';
import type { ServedNetwork } from './networks.js';
import { runProgram } from './run-program.js';

/** A dnsmasq and its files below `folder`; nothing here asks who else uses the bridge. */
export interface DhcpServer {
  running(): Promise<boolean>;
  /** Starts it unless it runs. Not safe against a second starter: callers hold the lock of the links. */
  start(): Promise<void>;
  /** Ends it. Fine when it does not run. */
  stop(): Promise<void>;
  /**
   * The address kept for `mac`: `before` where it had that, else one that follows from the MAC, so that it is the same
   * again next time where it is free. Safe against others who reserve at the same time.
   */
  reserve(mac: string, before?: string): Promise<string>;
  /** Gives an address back that was kept for `mac`. Fine when it was not. */
  release(address: string, mac: string): Promise<void>;
}

export function dhcpServer(bridge: string, network: ServedNetwork, folder: string): DhcpServer {
  const hosts = join(folder, 'hosts');
  const pidFile = join(folder, 'pid');
  const gateway = formatAddress(network.gateway);

  /** Process id of the dnsmasq that was started with our pid file, and no other's. */
  async function pid(): Promise<number | undefined> {
    const text = await readFile(pidFile, 'utf8').catch(() => '');
    const number = /^\d+\n?$/.test(text) ? Number(text) : 0;
    if (number < 2) return undefined;
    const commandLine = await readFile(`/proc/${number}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(`--pid-file=${pidFile}`) ? number : undefined;
  }

  async function signal(name: NodeJS.Signals): Promise<boolean> {
    const process_ = await pid();
    return process_ !== undefined && kill(process_, name);
  }

  async function start(): Promise<void> {
    if ((await pid()) !== undefined) return;
    await mkdir(hosts, { recursive: true, mode: 0o755 });
    const [base, last] = rangeOf(network.subnet).map((value) => formatAddress({ family: 4, value }));
    const args = [
      '--conf-file=/dev/null',
      `--pid-file=${pidFile}`,
      `--interface=${bridge}`,
      '--except-interface=lo',
      '--bind-interfaces',
      `--listen-address=${gateway}`,
      '--no-hosts',
      '--domain-needed',
      '--bogus-priv',
      '--dhcp-authoritative',
      // Only addresses that were reserved are given out, so the guard of each vnic knows its address.
      `--dhcp-range=${base},static,${netmask(network.subnet.prefix)},${last},1h`,
      `--dhcp-hostsdir=${hosts}`,
      `--dhcp-leasefile=${join(folder, 'leases')}`,
      '--dhcp-lease-max=65536',
      `--user=${(await readableByAll(hosts)) ? 'nobody' : 'root'}`,
    ];
    // It answers once it listens: what starts it returns only then.
    const { status, stderr } = await runProgram('dnsmasq', args, { package: 'dnsmasq-base', timeoutMs: 20_000 });
    if (status === 0) return;
    throw hostError('HostFailed', `cannot start the DHCP server of ${bridge}: ${stderr.trim()}`, {
      hint: `see what else listens on ${gateway}: ss -lunp`,
    });
  }

  return {
    running: async () => (await pid()) !== undefined,
    start,
    async stop() {
      for (let waited = 0; await signal(waited < 2000 ? 'SIGTERM' : 'SIGKILL'); waited += 10) await sleep(10);
      await rm(folder, { recursive: true, force: true });
    },
    async reserve(mac, before) {
      await mkdir(hosts, { recursive: true, mode: 0o755 });
      const [first, last] = network.dhcpRange;
      const size = last - first + 1n;
      const seed = BigInt(`0x${sha256Hex(mac).slice(0, 12)}`);
      if (before !== undefined && (await claim(join(hosts, before), `${mac},${before}\n`))) return before;
      for (let i = 0n; i < size; i++) {
        const address = formatAddress({ family: 4, value: first + ((seed + i) % size) });
        if (await claim(join(hosts, address), `${mac},${address}\n`)) return address;
      }
      throw hostError('HostFailed', `no address is left for ${mac} on ${bridge}`, {
        hint: 'set a larger "subnet" for the nic tag in /etc/smartadm/config.json',
      });
    },
    async release(address, mac) {
      const file = join(hosts, address);
      if ((await readFile(file, 'utf8').catch(() => '')) !== `${mac},${address}\n`) return;
      await rm(file, { force: true });
      // New files are seen at once; that one is gone, only on a signal.
      await signal('SIGHUP');
    },
  };
}

/** Makes `file` with `line` in it, whole or not at all; false when it is there with another line. */
async function claim(file: string, line: string): Promise<boolean> {
  const draft = join(dirname(file), `.${process.pid}-${Math.random().toString(16).slice(2)}`);
  await writeFile(draft, line, { mode: 0o644, flag: 'wx' });
  try {
    await link(draft, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if ((await readFile(file, 'utf8').catch(() => '')) !== line) return false;
  } finally {
    await unlink(draft);
  }
  // dnsmasq hears of files that are closed after writing, not of links.
  await (await open(file, 'r+')).close();
  return true;
}

/** Whether an ordinary user gets to `folder`: dnsmasq gives up root, then reads it. */
async function readableByAll(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

function netmask(prefix: number): string {
  return formatAddress({ family: 4, value: (0xffff_ffffn << BigInt(32 - prefix)) & 0xffff_ffffn });
}
