/** LZF, as Redis compresses strings of more than 20 bytes in a snapshot (src/lzf_d.c). Keys must be read to know their slot. */
import { RdbFormatError } from "./errors";

/** The longest back reference gives 264 bytes and takes three: whoever claims more lies, and would only be given memory. */
const MOST_PER_BYTE = 264;

/** @throws RdbFormatError when the result is not exactly `length` bytes. */
export function decompressLzf(input: Buffer, length: number): Buffer {
  if (length > MOST_PER_BYTE * input.length)
    throw new RdbFormatError(`a compressed string of ${input.length} bytes claims to have ${length}`);
  const output = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  const byte = () => {
    if (from >= input.length) throw new RdbFormatError("a compressed string ends too early");
    return input[from++] as number;
  };
  while (from < input.length) {
    const control = byte();
    if (control < 32) {
      const count = control + 1;
      if (from + count > input.length || to + count > length)
        throw new RdbFormatError("a compressed string is too long");
      input.copy(output, to, from, from + count);
      from += count;
      to += count;
      continue;
    }
    let count = control >> 5;
    if (count === 7) count += byte();
    let source = to - ((control & 0x1f) << 8) - byte() - 1;
    count += 2;
    if (source < 0 || to + count > length)
      throw new RdbFormatError("a compressed string refers outside of itself");
    // Byte by byte: source and target may overlap, which is how it repeats.
    while (count-- > 0) output[to++] = output[source++] as number;
  }
  if (to !== length) throw new RdbFormatError(`a compressed string has ${to} bytes instead of ${length}`);
  return output;
}
