/** The slots of one node as one other node sees them: a bitmap that can be sent in a message without copying it twice. */
import { SLOT_COUNT } from "../../../cluster/spec";

const WORDS = SLOT_COUNT / 32;

/** Never changed after it was made; shared by every message that carries it. */
export interface FrozenSlots {
  readonly bits: Uint32Array;
  readonly count: number;
}

export const NO_SLOTS: FrozenSlots = { bits: new Uint32Array(WORDS), count: 0 };

export class SlotSet {
  private bits = new Uint32Array(WORDS);
  private frozen: FrozenSlots | undefined = NO_SLOTS;
  private textCache: string | undefined = "";
  count = 0;

  has(slot: number): boolean {
    return testBit(this.bits, slot);
  }

  /** Returns whether it was absent. */
  add(slot: number): boolean {
    if (this.has(slot)) return false;
    this.bits[slot >> 5] = (this.bits[slot >> 5] ?? 0) | (1 << (slot & 31));
    this.changed(1);
    return true;
  }

  /** Returns whether it was present. */
  delete(slot: number): boolean {
    if (!this.has(slot)) return false;
    this.bits[slot >> 5] = (this.bits[slot >> 5] ?? 0) & ~(1 << (slot & 31));
    this.changed(-1);
    return true;
  }

  freeze(): FrozenSlots {
    this.frozen ??= { bits: this.bits.slice(), count: this.count };
    return this.frozen;
  }

  equals(other: FrozenSlots): boolean {
    if (this.frozen === other) return true;
    if (this.count !== other.count) return false;
    for (let i = 0; i < WORDS; i++) if (this.bits[i] !== other.bits[i]) return false;
    // The same content arrives again and again: next time one comparison is enough.
    this.frozen = other;
    return true;
  }

  /** Slots of `other` that are not in this set, ascending. */
  missingOf(other: FrozenSlots): number[] {
    const missing: number[] = [];
    for (let word = 0; word < WORDS; word++) {
      let bits = (other.bits[word] ?? 0) & ~(this.bits[word] ?? 0);
      while (bits !== 0) {
        missing.push(word * 32 + 31 - Math.clz32(bits & -bits));
        bits &= bits - 1;
      }
    }
    return missing;
  }

  /** The way CLUSTER NODES shows them: "0-5460 6000". */
  text(): string {
    this.textCache ??= rangesOf(this.freeze())
      .map(([start, end]) => (start === end ? `${start}` : `${start}-${end}`))
      .join(" ");
    return this.textCache;
  }

  private changed(by: number): void {
    this.count += by;
    this.frozen = undefined;
    this.textCache = undefined;
  }
}

export function testBit(bits: Uint32Array, slot: number): boolean {
  return (((bits[slot >> 5] ?? 0) >>> (slot & 31)) & 1) === 1;
}

/** Every slot of the set, ascending. */
export function forEachSlot(slots: FrozenSlots, visit: (slot: number) => void): void {
  if (slots.count === 0) return;
  for (let word = 0; word < WORDS; word++) {
    let bits = slots.bits[word] ?? 0;
    while (bits !== 0) {
      visit(word * 32 + 31 - Math.clz32(bits & -bits));
      bits &= bits - 1;
    }
  }
}

/** The first slot, ascending, for which `holds` is true. */
export function findSlot(slots: FrozenSlots, holds: (slot: number) => boolean): number | undefined {
  for (let word = 0; word < WORDS; word++) {
    let bits = slots.bits[word] ?? 0;
    while (bits !== 0) {
      const slot = word * 32 + 31 - Math.clz32(bits & -bits);
      if (holds(slot)) return slot;
      bits &= bits - 1;
    }
  }
  return undefined;
}

export function rangesOf(slots: FrozenSlots): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  let last: [number, number] | undefined;
  forEachSlot(slots, (slot) => {
    if (last && last[1] === slot - 1) last[1] = slot;
    else {
      last = [slot, slot];
      ranges.push(last);
    }
  });
  return ranges;
}

/** The slots of inclusive ranges. */
export function slotsIn(ranges: readonly { readonly start: number; readonly end: number }[]): FrozenSlots {
  const set = new SlotSet();
  for (const { start, end } of ranges) for (let slot = start; slot <= end; slot++) set.add(slot);
  return set.freeze();
}
