/** Stands for vmadmd, the platform's daemon for machines, behind its HTTP interface. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { VmObject } from '../../lib/schema/generated/vm.js';
import { connectInZone } from '../../lib/host/illumos/hvm-socket.js';
import { openQmp, type Qmp } from '../../lib/host/qemu/qmp.js';

const sections = ['status', 'version', 'chardev', 'block', 'blockstats', 'cpus', 'pci', 'kvm'] as const;
const address = '10.0.0.2';
/** What stands in for a port that the kernel chooses. */
const anyPort = 40_000;

export interface StandInVmadmd {
  readonly port: number;
  /** What it has been asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Serves machines, each with the root of its zone, as `load` finds them at each request. */
export async function standInVmadmd(
  load: (uuid: string) => { readonly vm: VmObject; readonly root: string } | undefined,
): Promise<StandInVmadmd> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    void answer(request).then(([status, text]) => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(text);
    });
  });

  async function answer({ method, url = '' }: IncomingMessage): Promise<readonly [status: number, text: string]> {
    const { pathname, searchParams: query } = new URL(url, 'http://localhost');
    const [, uuid = '', isInfo] = /^\/vm\/([^/]+)(\/info)?\/*$/.exec(pathname) ?? [];
    const found = load(uuid);
    if (uuid === '' || (method === 'POST') === (isInfo !== undefined)) return [404, ''];
    if (found === undefined) return [404, `Unable to load VM ${uuid}`];
    try {
      return isInfo === undefined
        ? await act(uuid, found.vm, found.root, query)
        : [200, JSON.stringify(await info(found.vm, found.root, query.get('types') ?? 'all'), null, 2)];
    } catch (error) {
      return [500, isInfo === undefined ? (error as Error).message : ''];
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, requests, close: () => stop(server) };
}

type Command = readonly [name: string, args?: Readonly<Record<string, unknown>>];

async function act(uuid: string, vm: VmObject, root: string, query: URLSearchParams) {
  const action = query.get('action') ?? '';
  if (action === 'reload_display') return [202, `Sent request to reload VNC for ${uuid}`] as const;
  if (vm.brand !== 'kvm')
    throw new Error(`vmadmd only handles "${action}" for: kvm(your brand is: ${String(vm.brand)})`);
  const { said, commands } = commandsOf(action, query);
  if (commands.length === 0) return [400, ''] as const;
  await withMonitor(root, async (qmp) => {
    for (const command of commands) await qmp.execute(...command);
  });
  return [202, `${said} ${uuid}`] as const;
}

function commandsOf(action: string, query: URLSearchParams): { said: string; commands: readonly Command[] } {
  const human = (line: string): Command => ['human-monitor-command', { 'command-line': line }];
  if (action === 'stop' && query.has('timeout')) return { said: 'Stopped', commands: [['system_powerdown']] };
  if (action === 'reset') return { said: 'Sent reset to', commands: [['system_reset']] };
  const requests: Readonly<Record<string, readonly Command[]>> = {
    nmi: [human('nmi 0')],
    screenshot: [human('sendkey shift'), ['screendump', { filename: '/tmp/vm.ppm' }]],
  };
  const request = action === 'sysrq' ? (query.get('request') ?? '') : '';
  return { said: 'Sent sysrq to', commands: requests[request] ?? [] };
}

async function info(vm: VmObject, root: string, types: string): Promise<Record<string, unknown>> {
  const asked = types.split(',');
  const wants = (type: string) => asked.includes('all') || asked.includes(type);
  const result: Record<string, unknown> = {};
  const fromEmulator = vm.brand === 'kvm' ? sections.filter(wants) : [];
  if (fromEmulator.length > 0) {
    await withMonitor(root, async (qmp) => {
      for (const section of fromEmulator) result[section] = await qmp.execute(`query-${section}`);
    });
  }
  if (wants('vnc')) result['vnc'] = display(vm);
  if (wants('spice') && vm.brand === 'kvm') result['spice'] = {};
  return result;
}

function display({ vnc_port: port = 0, vnc_password: password = '' }: VmObject): Record<string, unknown> {
  if (port === -1) return {};
  const listens = port === 0 ? anyPort : port;
  return {
    host: address, port: listens,
    ...(listens >= 5900 ? { display: listens - 5900 } : {}),
    ...(password === '' ? {} : { password }),
  }; // prettier-ignore
}

async function withMonitor(root: string, work: (qmp: Qmp) => Promise<void>): Promise<void> {
  const qmp = await openQmp(await connectInZone(root, '/tmp/vm.qmp', () => Promise.resolve(true)));
  try {
    await work(qmp);
  } finally {
    qmp.close();
  }
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
