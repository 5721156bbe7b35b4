/** What sending and receiving know of the datasets in a bundle. */

/** Name of the snapshot that is sent. */
export const sendingSnapshot = 'sending';

/** Properties of datasets that travel as numbers. */
const numeric = [
  'quota',
  'refquota',
  'reservation',
  'refreservation',
  'recordsize',
  'snapshot_limit',
  'filesystem_limit',
];

/** `compression`, as streams number its methods. */
const methods = new Map([
  ['on', 1n], ['off', 2n], ['lzjb', 3n], ['gzip-1', 5n], ['gzip-2', 6n], ['gzip-3', 7n], ['gzip-4', 8n], ['gzip-5', 9n],
  ['gzip', 10n], ['gzip-6', 10n], ['gzip-7', 11n], ['gzip-8', 12n], ['gzip-9', 13n], ['zle', 14n], ['lz4', 15n], ['zstd', 16n],
]); // prettier-ignore

/** Properties set on a dataset, as a package holds them: those of users as text. */
export function sentProperties(properties: Readonly<Record<string, string>>): Record<string, string | bigint> {
  const sent: Record<string, string | bigint> = {};
  for (const [name, value] of Object.entries(properties)) {
    const method = name === 'compression' ? methods.get(value) : undefined;
    if (name.includes(':')) sent[name] = value;
    else if (method !== undefined) sent[name] = method;
    else if (numeric.includes(name) && /^\d+$/.test(value)) sent[name] = BigInt(value);
  }
  return sent;
}

/** What of the properties in a package is to be set here. */
export function receivedProperties(sent: Readonly<Record<string, string | bigint>>): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(sent)) {
    if (typeof value === 'string') {
      if (name.includes(':')) properties[name] = value;
    } else if (name === 'compression') {
      const method = [...methods].find(([, number]) => number === value)?.[0];
      if (method !== undefined) properties[name] = method;
    } else if (numeric.includes(name) && value > 0n) {
      properties[name] = String(value);
    }
  }
  return properties;
}
