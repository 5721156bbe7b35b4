/** The monitor of a running qemu: commands as lines of JSON (QMP, `docs/interop/qmp-spec` of qemu). */
import type { Duplex } from 'node:stream';
import { hostError } from '../errors.js';

/** Longest line that is listened to: the emulator is the guest's, in the worst case. */
const longestLine = 4 * 1024 * 1024;
const usualLimitMs = 10_000;

export interface QmpOptions {
  /** How long an answer may take. Default 10 s. */
  readonly timeoutMs?: number;
}

/** A connection that takes commands. */
export interface Qmp {
  /**
   * Has a command carried out and returns what it returned. Throws `HostFailed` with qemu's words and its class of error
   * in `info`, `TimedOut`, and `ZoneBadState` when the connection has ended.
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** What a command line of the human monitor prints. Errors of those are text as well. */
  human(line: string): Promise<string>;
  /** Ends the connection; what is outstanding fails. May be called again. */
  close(): void;
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Greets the emulator at the other end of `stream`, and owns the stream from then on. A connection is served when the one
 * before it has ended, so it should be short. Throws `TimedOut`, `ZoneBadState`, and `HostFailed` for what is no QMP.
 */
export async function openQmp(stream: Duplex, options: QmpOptions = {}): Promise<Qmp> {
  const connection = new Connection(stream, options);
  try {
    await connection.greeting();
    await connection.execute('qmp_capabilities');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

class Connection implements Qmp {
  readonly #stream: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #limitMs: number;
  #parts: Buffer[] = [];
  #length = 0;
  #nextId = 0;
  #ended: Error | undefined;

  constructor(stream: Duplex, options: QmpOptions) {
    this.#stream = stream;
    this.#limitMs = options.timeoutMs ?? usualLimitMs;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (cause) => this.#end(hostError('ZoneBadState', 'the emulator has gone', { cause })));
    stream.on('close', () => this.#end(hostError('ZoneBadState', 'the emulator has gone')));
  }

  /** Waits for the emulator's first line. */
  async greeting(): Promise<void> {
    await this.#answer(greetingId, 'greeting');
  }

  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = this.#nextId++;
    const answer = this.#answer(id, command);
    if (this.#ended === undefined) {
      const request = { execute: command, id, ...(args === undefined ? {} : { arguments: args }) };
      this.#stream.write(`${JSON.stringify(request)}\n`);
    }
    return answer;
  }

  async human(line: string): Promise<string> {
    return String(await this.execute('human-monitor-command', { 'command-line': line }));
  }

  close(): void {
    this.#end(hostError('ZoneBadState', 'the connection has been closed'));
  }

  #answer(id: number, command: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(disconnected(command, this.#ended));
        return;
      }
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(hostError('TimedOut', `the emulator does not answer to ${command}`));
      }, this.#limitMs);
      this.#pending.set(id, { command, resolve, reject, timer });
    });
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    for (let at = rest.indexOf(10); at >= 0 && this.#ended === undefined; at = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#parts, rest.subarray(0, at)]);
      this.#parts = [];
      this.#length = 0;
      rest = rest.subarray(at + 1);
      this.#read(line.toString('utf8'));
    }
    if (this.#ended !== undefined || rest.length === 0) return;
    this.#parts.push(rest);
    this.#length += rest.length;
    if (this.#length > longestLine) this.#end(hostError('HostFailed', 'the emulator says more than it may'));
  }

  #read(line: string): void {
    if (line.trim() === '') return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch (cause) {
      this.#end(hostError('HostFailed', 'what the emulator says is not QMP', { cause, quietCause: true }));
      return;
    }
    if (!isRecord(message)) {
      this.#end(hostError('HostFailed', 'what the emulator says is not QMP'));
    } else if ('QMP' in message) {
      this.#settle(greetingId, message['QMP']);
    } else if (typeof message['id'] === 'number') {
      if (isRecord(message['error'])) this.#fail(message['id'], message['error']);
      else this.#settle(message['id'], message['return']);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #settle(id: number, value: unknown): void {
    this.#take(id)?.resolve(value);
  }

  #fail(id: number, { desc, class: kind }: Readonly<Record<string, unknown>>): void {
    const pending = this.#take(id);
    const said = typeof desc === 'string' ? desc : 'no reason';
    pending?.reject(hostError('HostFailed', `${pending.command}: ${said}`, { info: { class: String(kind) } }));
  }

  #end(why: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#parts = [];
    for (const id of [...this.#pending.keys()]) {
      const pending = this.#take(id);
      pending?.reject(disconnected(pending.command, why));
    }
    this.#stream.destroy();
  }
}

/** The greeting answers to no command. */
const greetingId = -1;

function disconnected(command: string, cause: Error): Error {
  // What the other end did wrong matters more than that the connection has ended for it.
  if ('code' in cause && cause.code === 'HostFailed') return cause;
  return hostError('ZoneBadState', `disconnected while sending ${command}`, { cause });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
