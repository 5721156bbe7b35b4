/** String formats that the rows name. They are regular expressions, so that compiled validators carry them along. */

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = `(?:${octet}\\.){3}${octet}`;
const h = '[0-9a-fA-F]{1,4}';
/** So many groups, then `::`. */
const left = (n: number): string => (n === 0 ? '::' : `${h}(?::${h}){${n - 1}}::`);
const ipv6 = [
  `(?:${h}:){7}${h}`,
  `(?:${h}:){6}${ipv4}`,
  ...[0, 1, 2, 3, 4, 5, 6].map((n) => `${left(n)}(?:${h}(?::${h}){0,${6 - n}})?`),
  left(7),
  ...[0, 1, 2, 3, 4, 5].map((n) => `${left(n)}(?:${h}:){0,${5 - n}}${ipv4}`),
].join('|');

const powerOfTwo = `(?:${Array.from({ length: 32 }, (_one, exponent) => 2 ** exponent).join('|')})`;

export const schemaFormats = {
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'ip-address': new RegExp(`^(?:${ipv4}|${ipv6})$`),
  'mac-address': /^(?:[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}|[0-9a-fA-F]{12})$/,
  'attr-value': /^[a-zA-Z0-9\-._]+$/,
  'dhcp-cid': /^(?=.{1,512}$)0x(?:[0-9a-fA-F]{2})+$/,
  'block-size-pair': new RegExp(`^0*${powerOfTwo}(?:/0*${powerOfTwo})?$`),
} as const;
