/** Options before the command, and those that several commands have. */
import type { ImgadmOption } from './command.js';

/** They stand before the command. */
export const globalOptions: readonly ImgadmOption[] = [
  { key: 'help', names: ['-h', '--help'], kind: 'flag', help: 'Print this help and exit.' },
  { key: 'version', names: ['--version'], kind: 'flag', help: 'Print version and exit.' },
  { key: 'verbose', names: ['-v', '--verbose'], kind: 'flag', help: 'Log everything, and show the stacks of errors.' },
  { key: 'structured', names: ['-E'], kind: 'flag', help: 'On error, end stderr with one JSON record about it.' },
];

/** Every command has it. */
export const helpOption: ImgadmOption = {
  key: 'help', names: ['-h', '--help'], kind: 'flag', help: 'Print this help and exit.',
}; // prettier-ignore

export const jsonOption: ImgadmOption = { key: 'json', names: ['-j', '--json'], kind: 'flag', help: 'Print JSON.' };

export const noHeaderOption: ImgadmOption = {
  key: 'noHeader',
  names: ['-H'],
  kind: 'flag',
  help: 'Omit the header line.',
};

export const poolOption: ImgadmOption = {
  key: 'pool', names: ['-P'], kind: 'text', value: 'POOL', help: 'Pool of the image (default "zones").',
}; // prettier-ignore

export const quietOption: ImgadmOption = {
  key: 'quiet',
  names: ['-q', '--quiet'],
  kind: 'flag',
  help: 'No progress bars.',
};

export const dryRunOption: ImgadmOption = {
  key: 'dryRun',
  names: ['-n', '--dry-run'],
  kind: 'flag',
  help: 'Say what would be done, and do nothing.',
};

export function fieldsOption(fields: string): ImgadmOption {
  return { key: 'fields', names: ['-o'], kind: 'text', value: 'FIELD,...', help: `Columns (default "${fields}").` };
}

export function sortOption(fields: string): ImgadmOption {
  const help = `Sort by these fields, "-" before one reverses it (default "${fields}").`;
  return { key: 'sort', names: ['-s'], kind: 'text', value: 'FIELD,...', help };
}

/** Default of `-o` and `-s` where images are listed. */
export const listedFields = 'uuid,name,version,os,type,pub';
export const listedOrder = 'published_at,name';

export const filterHelp =
  'Filters are joined by "and". FIELD may be dotted (tags.role). VALUE is true or false for booleans, ~TEXT for\n' +
  'what contains TEXT, otherwise the whole value. Fields are those of the manifest, and published_date, pub, published,\n' +
  'source, clones, zpool, size, docker_id, docker_short_id, docker_repo, docker_tags.';
