/** vmadm console: joins the terminal to a VM's console until CTRL-] is typed. */
import type { Command } from '../command.js';
import { notFoundStatus, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

/** CTRL-], as telnet(1) and zlogin(8) as called by `vmadm(8)` have it. */
const escapeByte = 0x1d;

/** How long the console stays attached when what was typed came from a pipe that has ended. */
const lingerMs = 1000;

export const consoleCommand: Command = {
  name: 'console',
  usage: 'console <uuid>',
  summary: "attaches to a VM's console; CTRL-] detaches",
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const { openVmConsole } = await import('../../vm/console.js');
    const attached = await sayingOfMissing(notFoundStatus, () => openVmConsole(cli.context(), uuid));
    const { stdin, stdout } = cli;
    const resize = () => {
      if (stdout.isTTY) attached.resize(stdout.columns, stdout.rows);
    };
    if (stdin.isTTY) stdin.setRawMode(true);
    stdout.on('resize', resize);
    try {
      resize();
      await new Promise<void>((resolve) => {
        stdin.on('data', (chunk: Buffer) => {
          const at = chunk.indexOf(escapeByte);
          attached.stream.write(at < 0 ? chunk : chunk.subarray(0, at));
          if (at >= 0) resolve();
        });
        // From a pipe or file: time for the guest to answer what it was sent.
        stdin.on('end', () => setTimeout(resolve, lingerMs));
        attached.stream.on('data', (chunk: Buffer) => {
          if (!stdout.write(chunk)) {
            attached.stream.pause();
            stdout.once('drain', () => attached.stream.resume());
          }
        });
        attached.stream.on('close', resolve);
        // A VM that ends takes its console along, some with an error: that is the end all the same (`vmadm(8)`).
        attached.stream.on('error', (error) => {
          cli.context().log.debug({ err: error, uuid }, 'the console is gone');
          resolve();
        });
        cli.signal.addEventListener('abort', () => resolve());
      });
    } finally {
      stdout.off('resize', resize);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      attached.close();
    }
    return 0;
  },
};
