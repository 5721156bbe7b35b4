/** The payload of a command: JSON from a file or standard input. */
import { readFile } from 'node:fs/promises';
import { SmartadmError, codeOf } from '../../errors.js';
import { parseJson } from '../../json-text.js';
import type { Cli, OptionSpec } from '../command.js';
import { usageError } from '../usage.js';

/** Where the payload is; `--file` has no abbreviations (`vmadm-cli`, options per command). */
export const payloadOption: OptionSpec = {
  name: 'file',
  aliases: ['f'],
  exact: true,
  type: 'string',
};

/** Bytes; a payload with thousands of metadata keys needs a hundredth of it. */
const sizeLimit = 16 * 1024 * 1024;

/**
 * Reads the payload from `file`, or from standard input where that is absent or `-`. Throws a usage error with
 * `onTerminal` when it would have to be typed, and `InvalidPayload` with `vmadm(8)`'s texts, extended by file, line and
 * column.
 */
export async function readPayload(cli: Cli, file: unknown, onTerminal: string): Promise<unknown> {
  // `-f` as the last argument has no value.
  if (file === true || file === '') throw invalid('-f must be followed by the name of a file');
  if (typeof file === 'string' && file !== '-') return parse(await readNamed(file), file);
  if (cli.stdin.isTTY) throw usageError(onTerminal);
  return parse(await readAll(cli.stdin), 'standard input');
}

async function readNamed(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (Buffer.byteLength(text) > sizeLimit) throw tooLarge(file);
    return text;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw invalid(`File: ${file} does not exist.`);
    if (error instanceof SmartadmError) throw error;
    throw invalid(`Error reading: ${file} ${JSON.stringify(error)}`);
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > sizeLimit) throw tooLarge('standard input');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string, source: string): unknown {
  try {
    return parseJson(text, source);
  } catch (error) {
    throw invalid(`Invalid JSON payload: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function tooLarge(source: string): SmartadmError {
  return invalid(`Invalid JSON payload: ${source} holds more than ${sizeLimit / 1024 / 1024} MiB`);
}

function invalid(message: string): SmartadmError {
  return new SmartadmError('InvalidPayload', message);
}
