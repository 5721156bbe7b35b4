/** DHCP servers that are not the host's, in a network namespace of their own behind a bridge: dnsmasq, and one that obeys. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '../lib/host/native.js';

/** A process in a network namespace of its own, which ends with it. */
export interface TestNamespace {
  readonly pid: number;
  /** Runs a program in there to its end. */
  run(...argv: string[]): { readonly status: number | null; readonly stdout: string };
  /** Starts one that stays. */
  start(...argv: string[]): ChildProcess;
  /** Whether an echo comes back from `address` before long, with nothing remembered about the way. */
  reaches(address: string, ...options: string[]): boolean;
  close(): void;
}

export async function newNamespace(): Promise<TestNamespace> {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo ready; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const { pid } = holder;
  assert.ok(pid !== undefined);
  const children: ChildProcess[] = [holder];
  const enter = `--net=/proc/${pid}/ns/net`;
  const run = (...argv: string[]) => spawnSync('nsenter', [enter, ...argv], { encoding: 'utf8', timeout: 20_000 });
  return {
    pid,
    run,
    start(...argv) {
      const child = spawn('nsenter', [enter, ...argv], { stdio: ['pipe', 'ignore', 'inherit'] });
      children.push(child);
      return child;
    },
    reaches(address, ...options) {
      run('ip', 'neigh', 'flush', 'all');
      return run('busybox', 'ping', '-c', '2', '-W', '1', ...options, address).status === 0;
    },
    close: () => children.forEach((child) => child.kill('SIGKILL')),
  };
}

/** A namespace whose `eth0` has `cidr` and is a port of the new bridge `bridge`. */
export async function newNetwork(bridge: string, cidr: string): Promise<TestNamespace> {
  const netlink = loadNative('netlink');
  const inner = await newNamespace();
  await netlink.createBridge(bridge);
  await netlink.createVeth(`${bridge}p`, { name: 'eth0', namespace: { pid: inner.pid } });
  await netlink.changeLink(`${bridge}p`, { master: bridge, up: true });
  await netlink.changeLink(bridge, { up: true });
  await netlink.addAddress('eth0', cidr, { pid: inner.pid });
  await netlink.changeLink('eth0', { up: true }, { pid: inner.pid });
  // For what is meant for all.
  await netlink.addRoute({ destination: 'default', link: 'eth0' }, { pid: inner.pid });
  return inner;
}

/** dnsmasq with the shortest leases it has, two minutes. Returns how often it has granted one. */
export function startDnsmasq(network: TestNamespace, range: string, folder: string): () => number {
  const log = join(folder, 'dnsmasq.log');
  network.start('dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--interface=eth0', '--bind-interfaces',
    '--except-interface=lo', `--dhcp-range=${range},2m`, '--no-ping', '--no-hosts', '--no-resolv', '--user=root',
    `--dhcp-leasefile=${join(folder, 'leases')}`, `--pid-file=${join(folder, 'pid')}`, `--log-facility=${log}`); // prettier-ignore
  return () => readFileSync(log, 'utf8').split('DHCPACK').length - 1;
}

/** Answers of {@link startObedient}: none without an address. */
export interface Answers {
  readonly address?: string;
  readonly seconds?: number;
  /** Answer it is sent without being asked, to a MAC. */
  readonly unasked?: string;
}

const obedient = `
const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
let answers = {};
const bytes = (address) => address.split('.').map(Number);
const send = (head, type, seconds, address) => {
  const out = Buffer.alloc(300);
  head.copy(out, 0, 0, 240);
  out[0] = 2;
  out.set(bytes(address), 16);
  const time = Buffer.alloc(4);
  time.writeUInt32BE(seconds);
  out.set([53, 1, type, 54, 4, 192, 0, 2, 1, 51, 4, ...time, 1, 4, 255, 255, 255, 0, 3, 4, 192, 0, 2, 1,
    6, 8, 192, 0, 2, 1, 192, 0, 2, 2, 255], 240);
  socket.send(out, 68, '255.255.255.255', () => undefined);
};
socket.on('message', (message) => {
  let type = 0, wanted = [...message.subarray(12, 16)].join('.');
  for (let at = 240; at < message.length && message[at] !== 255; at += message[at] === 0 ? 1 : 2 + message[at + 1]) {
    if (message[at] === 53) type = message[at + 2];
    if (message[at] === 50) wanted = [...message.subarray(at + 2, at + 6)].join('.');
  }
  if (answers.address === undefined || (type !== 1 && type !== 3)) return;
  if (type === 1) send(message, 2, answers.seconds, answers.address);
  else send(message, wanted === answers.address ? 5 : 6, answers.seconds, answers.address);
});
socket.bind(67, () => socket.setBroadcast(true));
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  answers = JSON.parse(line);
  if (answers.unasked === undefined) return;
  const head = Buffer.alloc(240);
  head.set([2, 1, 6, 0]);
  head.set(answers.unasked.split(':').map((each) => parseInt(each, 16)), 28);
  head.set([99, 130, 83, 99], 236);
  send(head, 5, answers.seconds, answers.address);
});
`;

/** A server at 192.0.2.1 that gives what it is told to, and refuses everything else; silent at first. */
export function startObedient(network: TestNamespace): (answers: Answers) => void {
  const child = network.start(process.execPath, '-e', obedient);
  return (answers) => void child.stdin?.write(`${JSON.stringify(answers)}\n`);
}
