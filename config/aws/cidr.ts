/** Arithmetic of IPv4 blocks. */

/** A block with its lowest address as a number, 0 to 2^32 - 1. */
export interface Block {
  readonly base: number;
  /** 0 to 32. */
  readonly prefix: number;
}

const PATTERN = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/;

/**
 * `undefined` where the text is no block, has bits set to the right of its prefix, or zeros before a number: some programs
 * read those as octal, so that 010.0.0.0/8 is another block to them.
 */
export function parseBlock(text: string): Block | undefined {
  const digits = PATTERN.exec(text)?.slice(1);
  if (digits === undefined || digits.some((each) => /^0\d/.test(each))) return undefined;
  const parts = digits.map(Number);
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

/** What is nobody's on the internet: RFC 1918, and RFC 6598 for providers' own. */
const PRIVATE: readonly Block[] = [
  { base: 0x0a_00_00_00, prefix: 8 },
  { base: 0xac_10_00_00, prefix: 12 },
  { base: 0xc0_a8_00_00, prefix: 16 },
  { base: 0x64_40_00_00, prefix: 10 },
];
/** The biggest blocks of public addresses that one owner has: above that it is the world, whole or in parts. */
const BIGGEST_OWNED = 8;
const BIGGEST_OWNED_IPV6 = 16;

/**
 * Whether a rule with this source lets strangers in. Reads what AWS would read, however it is written (`0.0.0.0/00`), and
 * IPv6; what it cannot read counts as open.
 */
export function isOpenToTheWorld(source: string): boolean {
  if (source.includes(":")) return isOpenIpv6(source);
  const parts = PATTERN.exec(source)?.slice(1).map(Number) ?? [];
  const [prefix = 33] = parts.slice(4);
  if (prefix > 32 || parts.slice(0, 4).some((octet) => octet > 255)) return true;
  const address = parts.slice(0, 4).reduce((sum, octet) => sum * 256 + octet, 0);
  const block = { base: address - (address % 2 ** (32 - prefix)), prefix };
  const isPrivate = PRIVATE.some((each) => prefix >= each.prefix && overlaps(each, block));
  return !isPrivate && prefix < BIGGEST_OWNED;
}

/** fc00::/7 is what RFC 1918 is to IPv4 (RFC 4193). */
function isOpenIpv6(source: string): boolean {
  const [, start, digits] = /^([0-9a-f]{0,4}):[0-9a-f:.]*\/(\d+)$/i.exec(source) ?? [];
  if (start === undefined) return true;
  const prefix = Number(digits);
  const isPrivate = prefix >= 7 && /^f[cd]../i.test(start);
  return !isPrivate && prefix < BIGGEST_OWNED_IPV6;
}

/** The `index`th of the `2 ** bits` equal parts of a block. */
export function partOf(block: Block, bits: number, index: number): Block {
  const prefix = block.prefix + bits;
  return { base: block.base + index * 2 ** (32 - prefix), prefix };
}
