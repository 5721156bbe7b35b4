import type { OptionValues } from '../command.js';
import type { ImgadmCli, ImgadmCommand } from './command.js';
import type { Manifest } from '../../img/manifest.js';
import { usageError, wrongCount } from './errors.js';
import { quietOption } from './options.js';

type Fields = Readonly<Record<string, unknown>>;
type OptionValue = OptionValues[string];

export const create: ImgadmCommand = {
  name: 'create',
  usage: '[OPTIONS] VM-UUID [FIELD=VALUE...]',
  summary: 'Make an image of a VM.',
  description:
    'The VM must be stopped, unless a script prepares it. FIELD=VALUE sets a field of the manifest: JSON, or text.',
  options: [
    { key: 'manifest', names: ['-m'], kind: 'text', value: 'MANIFEST', help: 'Fields of the manifest, JSON; "-" reads stdin.' },
    { key: 'output', names: ['-o', '--output-template'], kind: 'text', value: 'PATH', help: 'Where to write: a folder, or a path without suffix.' },
    { key: 'compression', names: ['-c', '--compression'], kind: 'text', value: 'COMPRESSION', help: 'none (default), gzip, bzip2 or xz.' },
    { key: 'incremental', names: ['-i', '--incremental'], kind: 'flag', help: 'Only what differs from the image of the VM.' },
    { key: 'maxOriginDepth', names: ['--max-origin-depth'], kind: 'count', value: 'DEPTH', help: 'Refuse longer chains of images.' },
    { key: 'script', names: ['-s'], kind: 'text', value: 'SCRIPT', help: 'Script that prepares the VM, which is taken back afterwards.' },
    { key: 'publish', names: ['-p', '--publish'], kind: 'text', value: 'URL', help: 'Publish on this IMGAPI server, and keep no files.' },
    quietOption,
  ], // prettier-ignore
  async run(cli, operands, options) {
    const [vmOperand, ...fields] = operands;
    if (vmOperand === undefined) throw wrongCount(operands);
    const { requireUuid } = await import('../../img/errors.js');
    const uuid = requireUuid(vmOperand);
    const compression = compressionOf(options['compression']);
    const publishUrl = options['publish'];
    if (typeof options['output'] === 'string' && typeof publishUrl === 'string') {
      throw usageError('cannot specify both -o,--output-template and -p,--publish');
    }
    const maxOriginDepth = depthOf(options['maxOriginDepth']);
    const set = await assigned(fields);
    const given = { ...(await readGiven(cli, options['manifest'])), ...set };
    const { readText } = await import('./read-text.js');
    const script = typeof options['script'] === 'string' ? await readText(options['script']) : undefined;
    const { createImage } = await import('../../img/create.js');
    const { narrationOn } = await import('./narrate.js');
    const narration = narrationOn(cli);
    const prefix = async (manifest: Fields): Promise<string> =>
      typeof publishUrl === 'string' ? temporaryPrefix(cli.context().root) : prefixOf(options['output'], manifest);
    try {
      const { vmHandle } = await import('./create-vm.js');
      const vm = vmHandle(cli.context(), uuid);
      const incremental = options['incremental'] === true;
      const request = { uuid, vm, given, compression, incremental, maxOriginDepth, script, prefix };
      const created = await createImage(cli.context(), request, narration);
      if (typeof publishUrl === 'string') {
        const { publishCreated } = await import('./create-publish.js');
        await publishCreated(cli, created, publishUrl, narration);
      }
    } finally {
      await narration.flush();
    }
    return 0;
  },
};

function compressionOf(value: OptionValue): NonNullable<NonNullable<Manifest['files']>[number]['compression']> {
  if (value === undefined) return 'none';
  if (value === 'none' || value === 'gzip' || value === 'bzip2' || value === 'xz') return value;
  throw usageError(`invalid -c,--compression "${String(value)}": must be one of "none", "bzip2", "gzip", "xz"`);
}

function depthOf(value: OptionValue): number | undefined {
  if (value === undefined) return undefined;
  const depth = Number(value);
  if (depth > 1) return depth;
  throw usageError(`invalid max-origin-depth "${String(value)}": must be greater than 1`);
}

/** `FIELD=VALUE` operands: text is taken as it is unless it is in quotes, other fields are JSON where they can be. */
async function assigned(operands: readonly string[]): Promise<Fields> {
  const { manifestSchema } = await import('../../schema/manifest.js');
  const known = manifestSchema['properties'] as Readonly<Record<string, { readonly type?: unknown }>>;
  return Object.fromEntries(
    operands.map((operand) => {
      const at = operand.indexOf('=');
      if (at <= 0) {
        throw usageError(`invalid manifest field arg "${operand}": must match "<field>=<value>"`);
      }
      const [field, value] = [operand.slice(0, at), operand.slice(at + 1)];
      const isText = Object.hasOwn(known, field) && known[field]?.type === 'string';
      return [field, isText && !/^".*"$/.test(value) ? value : jsonOrText(value)];
    }),
  );
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

async function readGiven(cli: ImgadmCli, path: unknown): Promise<Fields> {
  if (typeof path !== 'string') return {};
  const { readText } = await import('./read-text.js');
  const text = path === '-' ? await readStandardInput(cli) : await readText(path);
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('it is not an object');
    const { isTooDeep } = await import('../../img/json-values.js');
    if (isTooDeep(given)) throw new Error('it is nested too deeply');
    return given as Fields;
  } catch (error) {
    const where = path === '-' ? 'on stdin' : `in "${path}"`;
    throw usageError(`invalid manifest JSON ${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readStandardInput(cli: ImgadmCli): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of cli.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Of files that are removed once they are published. */
async function temporaryPrefix(root: string): Promise<string> {
  const files = await import('node:fs/promises');
  const path = await import('node:path');
  const folder = path.join(root, '/var/tmp');
  await files.mkdir(folder, { recursive: true });
  return path.join(folder, `.imgadm-create-${Date.now()}-${process.pid}`);
}

async function prefixOf(output: unknown, manifest: Fields): Promise<string> {
  const name = `${slug(manifest['name'])}-${slug(manifest['version'])}`;
  if (typeof output !== 'string') return name;
  const files = await import('node:fs/promises');
  const path = await import('node:path');
  const found = await files.stat(output).catch(() => undefined);
  return found?.isDirectory() === true ? path.join(output, name) : output;
}

function slug(value: unknown): string {
  return String(value)
    .replace(/[^\w\s.-]/g, '')
    .trim()
    .toLowerCase()
    .replace(/[-\s]+/g, '-');
}
