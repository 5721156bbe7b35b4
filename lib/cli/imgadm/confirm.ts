/** Asks the person at the terminal, yes or no. */
import { open } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline';
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
  const lines = new TypedLines(terminal, cli.signal);
  try {
    for (;;) {
      const answer = (await lines.ask(`${question} [y/N] `)).trim().toLowerCase();
      if (answer === 'y' || answer === 'yes') return true;
      if (answer === '' || answer === 'n' || answer === 'no') return false;
      terminal.output.write('Please enter "y", "yes", "n" or "no".\n');
    }
  } finally {
    lines.close();
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

/** What is typed, line by line; empty when it was interrupted or ended instead. */
class TypedLines {
  readonly #lines: Interface;
  readonly #typed: string[] = [];
  #hasEnded = false;
  #waiting: (() => void) | undefined;

  constructor({ input, output }: Terminal, signal: AbortSignal) {
    this.#lines = createInterface({ input, output, terminal: true });
    const interrupted = (): void => {
      output.write('\n');
      this.close();
    };
    this.#lines.on('line', (line) => {
      this.#typed.push(line);
      this.#waiting?.();
    });
    this.#lines.once('close', () => {
      this.#hasEnded = true;
      this.#waiting?.();
    });
    this.#lines.once('SIGINT', interrupted);
    signal.addEventListener('abort', interrupted, { once: true });
  }

  async ask(question: string): Promise<string> {
    this.#lines.setPrompt(question);
    this.#lines.prompt();
    while (this.#typed.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
    return this.#typed.shift() ?? '';
  }

  close(): void {
    this.#lines.close();
  }
}
