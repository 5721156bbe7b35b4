/** The list of sources as text in an editor. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceConfig, SourceType } from '../../img/sources/source.js';
import { usageError } from './errors.js';

const explanation = `
#
# One image source a line:
#
#     URL TYPE [OPTIONS]
#
# TYPE is imgapi, docker or dsapi. OPTIONS is a comma-separated list; there is one:
# "insecure" leaves the certificates of the source unchecked. Sources are asked in
# the order in which they stand here. Text behind "#" does not count.
#
`;

const widestUrl = 50;

export function sourcesText(sources: readonly SourceConfig[]): string {
  const width = Math.min(widestUrl, Math.max(0, ...sources.map(({ url }) => url.length)));
  const lines = sources.map(({ url, type, insecure }) =>
    `${url.padEnd(width)}  ${type.padEnd(6)}  ${insecure === true ? 'insecure' : ''}`.trimEnd(),
  );
  return `${lines.join('\n')}\n${explanation}`;
}

/** Throws `Usage` for an option that there is not. */
export function parseSources(text: string): readonly SourceConfig[] {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== ''); // prettier-ignore
  return lines.map((line) => {
    const [url = '', type = 'imgapi', options = ''] = line.split(/\s+/);
    for (const option of options.split(',')) {
      if (option !== '' && option !== 'insecure') throw usageError(`unknown source option: ${option}`);
    }
    return { type: type as SourceType, url, ...(options.includes('insecure') ? { insecure: true } : {}) };
  });
}

const editor = '/usr/bin/vi';

/** vi, as ever; where there is none, what the user calls an editor. */
function editorCommand(env: NodeJS.ProcessEnv): readonly [program: string, ...args: string[]] {
  if (existsSync(editor)) return [editor, '-f'];
  const [program = '', ...args] = (env['VISUAL'] ?? env['EDITOR'] ?? '').split(' ').filter((word) => word !== '');
  if (program !== '') return [program, ...args];
  throw usageError(`there is no ${editor}, and EDITOR names no other editor`);
}

/** Lets the user edit `text`; the editor's exit status when it fails. */
export async function editText(text: string, env: NodeJS.ProcessEnv): Promise<string | number> {
  const [program, ...args] = editorCommand(env);
  const path = join(tmpdir(), `imgadm-sources-${process.pid}.txt`);
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  try {
    const status = await new Promise<number>((resolve, reject) => {
      const child = spawn(program, [...args, path], { stdio: 'inherit' });
      child.on('error', reject);
      child.on('exit', (code) => resolve(code ?? 1));
    });
    return status === 0 ? await readFile(path, 'utf8') : status;
  } finally {
    await rm(path, { force: true });
  }
}
