/** What somebody at the first serial line of the guest sees and types. */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectSocket } from '../../lib/host/qemu/socket.js';

export interface GuestConsole {
  /** All that has been said. */
  readonly text: string;
  /** Waits until `pattern` is in what is said from now on, or has been said since the last match; returns the match. */
  sees(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>;
  /** Has the guest run a command line; returns what that printed. Throws unless it ends with status 0. */
  runs(line: string): Promise<string>;
  close(): void;
}

/** Booting takes seconds on a quiet machine without virtualization; tests run on busy ones. */
const bootLimitMs = 180_000;

/** Joins the line of the running VM with this zonepath. */
export async function openGuestConsole(zonepath: string): Promise<GuestConsole> {
  const socket: Socket = await connectSocket(join(zonepath, 'root/tmp/vm.console'));
  let [text, from] = ['', 0];
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece.replaceAll('\r', '')));
  socket.on('error', () => undefined);

  async function sees(pattern: RegExp, limitMs = bootLimitMs): Promise<RegExpExecArray> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const found = pattern.exec(text.slice(from));
      if (found !== null) {
        from += found.index + found[0].length;
        return found;
      }
      if (Date.now() > deadline)
        throw new Error(`${String(pattern)} is not in ${JSON.stringify(text.slice(from).slice(-2000))}`);
      await sleep(20);
    }
  }

  return {
    get text() {
      return text;
    },
    sees,
    async runs(line) {
      socket.write(`${line}\n`);
      const [, printed = '', status] = await sees(/([^]*?)guest: done (\d+)\n/);
      if (status !== '0') throw new Error(`${line} ended with ${String(status)}: ${printed}`);
      return printed;
    },
    close: () => socket.destroy(),
  };
}
