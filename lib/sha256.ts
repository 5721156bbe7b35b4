/** SHA-256 (FIPS 180-4) of short texts, for names: `node:crypto` takes longer to load than most commands take to work. */

let tables: { readonly initial: Uint32Array; readonly round: Uint32Array } | undefined;

/** The digest of the text's UTF-8 bytes, as hex digits. */
export function sha256Hex(text: string): string {
  const { initial, round } = (tables ??= makeTables());
  const bytes = Buffer.from(text);
  const padded = Buffer.alloc((Math.floor((bytes.length + 8) / 64) + 1) * 64);
  bytes.copy(padded);
  padded[bytes.length] = 0x80;
  padded.writeBigUInt64BE(BigInt(bytes.length) * 8n, padded.length - 8);
  const hash = Uint32Array.from(initial);
  for (let block = 0; block < padded.length; block += 64) addBlock(hash, round, padded.subarray(block, block + 64));
  return [...hash].map((word) => word.toString(16).padStart(8, '0')).join('');
}

function addBlock(hash: Uint32Array, round: Uint32Array, block: Buffer): void {
  const words = new Uint32Array(64);
  const word = (at: number) => words[at] ?? 0;
  for (let at = 0; at < 64; at += 1) {
    if (at < 16) {
      words[at] = block.readUInt32BE(at * 4);
      continue;
    }
    const [early, late] = [word(at - 15), word(at - 2)];
    const s0 = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
    const s1 = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
    words[at] = word(at - 16) + s0 + word(at - 7) + s1;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
  for (let at = 0; at < 64; at += 1) {
    const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const first = (h + s1 + ((e & f) ^ (~e & g)) + (round[at] ?? 0) + word(at)) | 0;
    const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, at) => {
    hash[at] = (hash[at] ?? 0) + value;
  });
}

/** To the right, what falls out comes in again. */
function turn(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

/** The first bits behind the point of the roots of the first primes: square ones to begin with, cubic ones for each round. */
function makeTables() {
  const primes: number[] = [];
  for (let number = 2; primes.length < 64; number += 1) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  const fraction = (value: number) => (value - Math.floor(value)) * 2 ** 32;
  return {
    initial: Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    round: Uint32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  };
}
