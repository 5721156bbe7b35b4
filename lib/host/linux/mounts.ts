/** What is mounted where, as this process sees it. */
import { readFile } from 'node:fs/promises';

export interface MountEntry {
  /** `MAJOR:MINOR`, the same for all mounts of one filesystem. */
  readonly device: string;
  /** What of the filesystem is mounted: path below its top, `/` for all of it. */
  readonly root: string;
  readonly target: string;
  readonly type: string;
  readonly source: string;
}

/** All mounts, in the order in which they were made. */
export async function readMounts(): Promise<readonly MountEntry[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const mounts: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device = '', root = '', target = ''] = before.split(' ');
    const [type = '', source = ''] = after.split(' ');
    if (target !== '') {
      mounts.push({ device, root: unescape(root), target: unescape(target), type, source: unescape(source) });
    }
  }
  return mounts;
}

/** The kernel writes blanks, backslashes and the like as three octal digits. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes = text.replace(/\\([0-7]{3})/g, (_match, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return bytes;
}
