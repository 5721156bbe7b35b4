/** Whether text is an IP address. `node:net` tells as well, once it has compiled its expression, a tenth of our start. */

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const ipv6Group = /^[0-9a-fA-F]{1,4}$/;
const ipv6Zone = /^[0-9a-zA-Z\-.:]+$/;

/** Four decimal numbers of 0 to 255 without leading zeros. */
export function isIPv4(text: string): boolean {
  return ipv4.test(text);
}

/** As RFC 4291 writes it, section 2.2, with or without the zone of RFC 4007 behind `%`. */
export function isIPv6(text: string): boolean {
  const percent = text.indexOf('%');
  if (percent >= 0) return ipv6Zone.test(text.slice(percent + 1)) && isIPv6(text.slice(0, percent));
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const hasIPv4 = groups.length > 0 && !text.endsWith(':') && isIPv4(groups.at(-1) ?? '');
  if (hasIPv4) groups.splice(-1, 1, '0', '0');
  if (!groups.every((group) => ipv6Group.test(group))) return false;
  // A run of zeros that is left out has at least one group.
  return halves.length === 2 ? groups.length <= 7 : groups.length === 8;
}

/** 4, 6, or 0 for what is no address. */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (isIPv4(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}
