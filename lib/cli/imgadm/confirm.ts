/** Asks the person at the terminal, yes or no. */
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { ReadStream, WriteStream } from 'node:tty';
import type { Cli } from '../command.js';

interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  close(): Promise<void>;
}

/**
 * Whether the answer to `question` is yes. Nothing means no, as do an interrupt and that there is nobody to ask. Where standard
 * input or output is redirected the controlling terminal is asked.
 */
export async function confirm(cli: Cli, question: string): Promise<boolean> {
  const terminal = await terminalOf(cli);
  if (terminal === undefined) return false;
  try {
    for (;;) {
      const answer = (await ask(terminal, `${question} [y/N] `, cli.signal)).trim().toLowerCase();
      if (answer === 'y' || answer === 'yes') return true;
      if (answer === '' || answer === 'n' || answer === 'no') return false;
      terminal.output.write('Please enter "y", "yes", "n" or "no".\n');
    }
  } finally {
    await terminal.close();
  }
}

async function terminalOf({ stdin, stdout }: Cli): Promise<Terminal | undefined> {
  if (stdin.isTTY && stdout.isTTY) return { input: stdin, output: stdout, close: () => Promise.resolve() };
  const file = await open('/dev/tty', 'r+').catch(() => undefined);
  if (file === undefined) return undefined;
  // The streams close their descriptor, each its own.
  const second = await open('/dev/tty', 'r+');
  const input = new ReadStream(file.fd);
  const output = new WriteStream(second.fd);
  return {
    input,
    output,
    close: async () => {
      input.destroy();
      output.destroy();
      await Promise.allSettled([file.close(), second.close()]);
    },
  };
}

/** One line; empty when it was interrupted or ended instead. */
function ask({ input, output }: Terminal, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const lines = createInterface({ input, output, terminal: true });
    const end = (answer: string): void => {
      signal.removeEventListener('abort', interrupted);
      lines.close();
      resolve(answer);
    };
    const interrupted = (): void => {
      output.write('\n');
      end('');
    };
    lines.once('close', () => end(''));
    lines.once('SIGINT', interrupted);
    signal.addEventListener('abort', interrupted);
    lines.question(question, end);
  });
}
