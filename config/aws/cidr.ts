/** Arithmetic of IPv4 blocks. */

/** A block with its lowest address as a number, 0 to 2^32 - 1. */
export interface Block {
  readonly base: number;
  /** 0 to 32. */
  readonly prefix: number;
}

const PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

/** `undefined` where the text is no block, or has bits set to the right of its prefix. */
export function parseBlock(text: string): Block | undefined {
  const parts = PATTERN.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const prefix = parts[4] ?? 33;
  const octets = parts.slice(0, 4);
  if (prefix > 32 || octets.some((octet) => octet > 255)) return undefined;
  const base = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return base % sizeOf({ base, prefix }) === 0 ? { base, prefix } : undefined;
}

export function sizeOf({ prefix }: Block): number {
  return 2 ** (32 - prefix);
}

export function formatBlock({ base, prefix }: Block): string {
  return `${formatAddress(base)}/${prefix}`;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}

export function overlaps(one: Block, other: Block): boolean {
  return one.base < other.base + sizeOf(other) && other.base < one.base + sizeOf(one);
}

/** The `index`th of the `2 ** bits` equal parts of a block. */
export function partOf(block: Block, bits: number, index: number): Block {
  const prefix = block.prefix + bits;
  return { base: block.base + index * 2 ** (32 - prefix), prefix };
}
