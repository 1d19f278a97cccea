/** CRC-64/Jones as Redis ends its DUMP payloads with (src/crc64.c): reflected, from 0, without a final inversion. */

/** 0xad93d23594c935a9 reflected, in two halves. */
const POLYNOMIAL_HIGH = 0x95ac9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;

const LOW = new Uint32Array(256);
const HIGH = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) === 1;
    low = ((low >>> 1) | (high << 31)) >>> 0;
    high >>>= 1;
    if (isOdd) {
      low = (low ^ POLYNOMIAL_LOW) >>> 0;
      high = (high ^ POLYNOMIAL_HIGH) >>> 0;
    }
  }
  LOW[byte] = low;
  HIGH[byte] = high;
}

/** Writes the checksum of `bytes[0, length)` as eight bytes, little endian, at `length`. */
export function sealWithCrc64(bytes: Buffer, length: number): void {
  let low = 0;
  let high = 0;
  for (let at = 0; at < length; at++) {
    const index = (low ^ (bytes[at] as number)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (LOW[index] as number);
    high = (high >>> 8) ^ (HIGH[index] as number);
  }
  bytes.writeUInt32LE(low >>> 0, length);
  bytes.writeUInt32LE(high >>> 0, length + 4);
}
