/** The console of a zone, by the socket that its zoneadmd keeps. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { hostError } from '../errors.js';
import type { ZoneConsole } from '../zones.js';

/** Flag of the greeting: the daemon hangs up when the zone halts. */
const disconnectOnHalt = 1;
/** The answer to the greeting is a word or a pid. */
const longestAnswer = 32;
const answerLimitMs = 10_000;

/** Throws `ZoneConsoleBusy` when another process has it, `HostFailed` when the daemon does not let us in. */
export async function connectConsole(path: string, zone: string): Promise<ZoneConsole> {
  const socket = connect(path);
  const { answer, rest } = await greet(socket).catch((cause: unknown) => {
    socket.destroy();
    throw hostError('HostFailed', `cannot attach to the console of zone ${zone}`, { cause });
  });
  if (answer !== 'OK') {
    socket.destroy();
    throw hostError('ZoneConsoleBusy', `process ${answer} has the console of zone ${zone}`);
  }
  const stream = terminal(socket, rest);
  return {
    stream,
    // The daemon's terminal has no size to be set.
    resize: () => undefined,
    close: () => {
      stream.destroy();
    },
  };
}

/** The socket from here on, what has been read of it already first. */
function terminal(socket: Socket, rest: Buffer): Duplex {
  const stream = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => socket.write(chunk, done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  if (rest.length > 0) stream.push(rest);
  socket.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.push(null));
  return stream;
}

/** Introduces us, and reads the line with which the daemon answers. */
async function greet(socket: Socket): Promise<{ readonly answer: string; readonly rest: Buffer }> {
  let read = Buffer.alloc(0);
  const ended = new AbortController();
  const hangUp = () => {
    ended.abort();
  };
  const timer = setTimeout(hangUp, answerLimitMs);
  socket.once('close', hangUp);
  try {
    socket.write(`IDENT C ${disconnectOnHalt}\n`);
    for (;;) {
      const [chunk] = (await once(socket, 'data', { signal: ended.signal })) as [Buffer];
      socket.pause();
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf('\n');
      if (end >= 0) return { answer: read.toString('latin1', 0, end), rest: read.subarray(end + 1) };
      if (read.length > longestAnswer) throw new Error('zoneadmd answers in a way that is not known');
      socket.resume();
    }
  } finally {
    clearTimeout(timer);
    socket.off('close', hangUp);
  }
}
