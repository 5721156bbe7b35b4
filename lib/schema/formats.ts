/** String formats that the rows name. They are regular expressions, so that compiled validators carry them along. */

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = `(?:${octet}\\.){3}${octet}`;
const h = '[0-9a-fA-F]{1,4}';
const ipv6 = [
  `(?:${h}:){7}(?:${h}|:)`,
  `(?:${h}:){6}(?:${ipv4}|:${h}|:)`,
  ...[5, 4, 3, 2, 1, 0].map((n) => `(?:${h}:){${n}}(?::${ipv4}|(?::${h}){1,${7 - n}}|:)`),
  ...[4, 3, 2, 1, 0].map((n) => `(?:${h}:){${n}}(?:(?::${h}){0,${5 - n}}:${ipv4})`),
].join('|');

export const schemaFormats = {
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'ip-address': new RegExp(`^(?:${ipv4}|${ipv6})$`),
  'mac-address': /^(?:[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}|[0-9a-fA-F]{12})$/,
  'attr-value': /^[a-zA-Z0-9\-._]+$/,
  'dhcp-cid': /^(?=.{1,512}$)0x(?:[0-9a-fA-F]{2})+$/,
  'block-size-pair': /^[0-9]+(?:\/[0-9]+)?$/,
} as const;
