/** The keys of one node, slot by slot. Names and values are bytes, one character each (latin1). */
import { createHash } from "node:crypto";
import keySlot from "cluster-key-slot";

export interface Entry {
  readonly value: string;
  /** Size of the value in memory, in bytes; may be declared greater than the value is, to play a big key. */
  readonly bytes: number;
  /** Virtual time of expiry. */
  readonly expiresMs?: number;
}

/** What replication and the append-only file carry. */
export type Change =
  | { readonly kind: "set"; readonly key: string; readonly entry: Entry }
  | { readonly kind: "delete"; readonly keys: readonly string[] }
  | { readonly kind: "flush" }
  | { readonly kind: "ping" }
  | { readonly kind: "select" };

/** What a key costs beside its value. */
const OVERHEAD_BYTES = 56;

export function slotOf(key: string): number {
  return keySlot(Buffer.from(key, "latin1"));
}

export class Database {
  private readonly slots = new Map<number, Map<string, Entry>>();
  size = 0;
  bytes = 0;

  constructor(private readonly now: () => number) {}

  get(key: string): Entry | undefined {
    const entry = this.slots.get(slotOf(key))?.get(key);
    if (entry?.expiresMs !== undefined && entry.expiresMs <= this.now()) return undefined;
    return entry;
  }

  set(key: string, entry: Entry): void {
    const slot = slotOf(key);
    this.remove(slot, key);
    let keys = this.slots.get(slot);
    if (!keys) {
      keys = new Map();
      this.slots.set(slot, keys);
    }
    keys.set(key, entry);
    this.size += 1;
    this.bytes += memoryOf(key, entry);
  }

  delete(key: string): boolean {
    const alive = this.get(key) !== undefined;
    this.remove(slotOf(key), key);
    return alive;
  }

  private remove(slot: number, key: string): void {
    const keys = this.slots.get(slot);
    const entry = keys?.get(key);
    if (!keys || !entry) return;
    keys.delete(key);
    if (keys.size === 0) this.slots.delete(slot);
    this.size -= 1;
    this.bytes -= memoryOf(key, entry);
  }

  clear(): void {
    this.slots.clear();
    this.size = 0;
    this.bytes = 0;
  }

  /** Expired keys count until something touches them, as in Redis. */
  countInSlot(slot: number): number {
    return this.slots.get(slot)?.size ?? 0;
  }

  keysInSlot(slot: number, limit = Number.POSITIVE_INFINITY): string[] {
    const keys: string[] = [];
    for (const key of this.slots.get(slot)?.keys() ?? []) {
      if (keys.length >= limit) break;
      keys.push(key);
    }
    return keys;
  }

  /** Slots that hold keys, ascending. */
  usedSlots(): number[] {
    return [...this.slots.keys()].sort((a, b) => a - b);
  }

  allKeys(): string[] {
    return this.usedSlots().flatMap((slot) => this.keysInSlot(slot));
  }

  withExpiry(): number {
    let count = 0;
    for (const keys of this.slots.values())
      for (const entry of keys.values()) if (entry.expiresMs !== undefined) count += 1;
    return count;
  }

  copy(): Database {
    const copy = new Database(this.now);
    for (const [slot, keys] of this.slots) copy.slots.set(slot, new Map(keys));
    copy.size = this.size;
    copy.bytes = this.bytes;
    return copy;
  }

  /** Takes over another one's content, which is not to be used any more. */
  become(other: Database): void {
    this.slots.clear();
    for (const [slot, keys] of other.slots) this.slots.set(slot, keys);
    this.size = other.size;
    this.bytes = other.bytes;
  }

  apply(change: Change): void {
    switch (change.kind) {
      case "set":
        this.set(change.key, change.entry);
        return;
      case "delete":
        for (const key of change.keys) this.delete(key);
        return;
      case "flush":
        this.clear();
        return;
      case "ping":
      case "select":
        return;
    }
  }
}

export function memoryOf(key: string, entry: Entry): number {
  return OVERHEAD_BYTES + key.length + entry.bytes;
}

/** Length of a change in the replication stream: that of the command in Redis's protocol. */
export function streamBytes(change: Change): number {
  switch (change.kind) {
    case "ping":
      return 14;
    case "select":
      return 23;
    case "flush":
      return 18;
    case "set":
      return 27 + change.key.length + change.entry.bytes + (change.entry.expiresMs === undefined ? 0 : 40);
    case "delete":
      return change.keys.reduce((sum, key) => sum + key.length + 8, 13);
  }
}

/** Equal for equal values, the way DEBUG DIGEST-VALUE is; forty zeroes for none. */
export function digestOf(entry: Entry | undefined): string {
  if (!entry) return "0".repeat(40);
  return createHash("sha1")
    .update(entry.value, "latin1")
    .update(`:${entry.expiresMs !== undefined}`)
    .digest("hex");
}
