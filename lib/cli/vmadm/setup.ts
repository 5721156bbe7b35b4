/** vmadm setup: makes the pool and the network of this host where somebody wants them. */
import { resolve } from 'node:path';
import type { Command, OptionValues } from '../command.js';
import { usageError } from '../usage.js';

const gibibyte = 2 ** 30;

export const setup: Command = {
  name: 'setup',
  usage: 'setup [-d DEVICE|-f FILE] [-s GIB] [-n SUBNET|-b BRIDGE]',
  summary: 'makes the pool and the network of this host; what exists stays as it is',
  options: [
    { name: 'device', aliases: ['d'], type: 'string' },
    { name: 'file', aliases: ['f'], type: 'string' },
    { name: 'size', aliases: ['s'], type: 'number' },
    { name: 'subnet', aliases: ['n'], type: 'string' },
    { name: 'bridge', aliases: ['b'], type: 'string' },
  ],
  async run(cli, [operand], options) {
    if (operand !== undefined) throw usageError(`setup takes options only, not "${operand}"`);
    for (const [one, other] of [
      ['device', 'file'],
      ['device', 'size'],
      ['subnet', 'bridge'],
    ] as const) {
      if (options[one] === undefined || options[other] === undefined) continue;
      throw usageError(`--${one} and --${other} do not go together`);
    }
    const { setUpHost } = await import('../../host/open.js');
    const { root, log } = cli.context();
    const made = await setUpHost(
      { root, log },
      {
        device: pathIn(options, 'device'),
        file: pathIn(options, 'file'),
        sizeGiB: options['size'] as number | undefined,
        subnet: options['subnet'] as string | undefined,
        bridge: options['bridge'] as string | undefined,
      },
    );
    const { pool, storage, nicTag, bridge, subnet } = made;
    const [size, free] = [pool.sizeBytes, pool.freeBytes].map((bytes) => `${(bytes / gibibyte).toFixed(1)} GiB`);
    await cli.out(
      `pool ${pool.name}: ${size}, ${free} free, on ${storage}, mounted at ${pool.mountpoint}\n` +
        `nic tag ${nicTag}: bridge ${bridge}${subnet === undefined ? '' : `, which this host serves as ${subnet}`}\n`,
    );
    return 0;
  },
};

function pathIn(options: OptionValues, name: string): string | undefined {
  const path = options[name];
  return typeof path === 'string' ? resolve(path) : undefined;
}
