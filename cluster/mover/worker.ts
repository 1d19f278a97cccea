/** Moves the slots of one source to one target, window by window, over lost connections and silent targets. */
import { UnreachableError } from "../client";
import type { SizedKey } from "./batches";
import { MAX_KEY_BYTES, tooLarge } from "./bigkeys";
import { putAhead } from "./epochs";
import { dropPendingMigrates, dropPendingRestores } from "./fence";
import { countKeys, datasetBytes, keysAbove, listKeys, measureKeys, sampleKeys } from "./keys";
import { finishAnnounced } from "./ownership";
import { claims, closePair, openPair } from "./pair";
import { Interrupted, Sender } from "./sender";
import { type SlotState, stateOf } from "./state";
import { MoveError } from "./types";
import { moveWindow } from "./window";

/** Open at once: few enough that multi-key commands seldom meet TRYAGAIN, enough to fill the pipelines. */
const WINDOW_SLOTS = 32;
/** More where slots hold few keys, as long as they are not open for longer than this. */
const MAX_WINDOW_SLOTS = 128;
const WINDOW_MS = 30;
/** Without keys a slot is open for two round trips only. */
const EMPTY_WINDOW_SLOTS = 512;
/** Looks again this many times in a row without having finished a window in between. */
const MAX_FAILURES = 6;
const FAILURE_PAUSE_MS = 250;
/** Slots that may be opened, and their keys where they are not left to a script. */
interface Prepared {
  readonly ready: readonly number[];
  readonly keys: readonly SizedKey[] | undefined;
}

export class Worker extends Sender {
  private open = new Set<number>();
  /** Slots that this run saw closed and without keys at the target, by the processes that held the flags since. */
  private readonly trusted = new Map<number, string>();
  private readonly counted = new Set<number>();
  private failures = 0;

  /** Whether both flags are set already. */
  isOpen(slot: number): boolean {
    return this.open.has(slot);
  }

  /** Whether a copy at the target can only be our own, see `resolveBusy`. */
  isTrusted(slot: number): boolean {
    return this.trusted.get(slot) === this.processes();
  }

  /** Moves the slots, whatever state an earlier run left them in. */
  async move(slots: readonly number[]): Promise<void> {
    await this.persist(() => this.advance(slots));
  }

  /** Repeats the task over lost connections and silent targets, as long as it gets on. */
  async persist(task: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        await this.recover(error);
      }
    }
  }

  private processes(): string {
    return `${this.pair.source.runId} ${this.pair.target.runId}`;
  }

  /** One look and all windows that follow from it. */
  private async advance(slots: readonly number[]): Promise<void> {
    await putAhead(this.run, this.pair);
    const { client } = this.pair.source;
    this.holds = { bytes: await datasetBytes(client), keys: Number(await client.call("DBSIZE")) };
    const now = await claims(this.pair);
    const states = slots.map((slot) => stateOf(slot, now.source, now.target));
    await this.finish(states.filter((state) => state.progress === "announced"));
    const todo = states.filter((state) => state.progress === "open" || state.progress === "closed");
    this.open = new Set(todo.filter((state) => state.bothFlags).map((state) => state.slot));
    const { filled, empty, counts } = await this.sort(todo);
    for (const part of chunks(empty, EMPTY_WINDOW_SLOTS)) await this.window(part, []);
    if (filled.length === 0) return;
    // Open slots first: clients suffer from them.
    const ordered = [...filled].sort((a, b) => Number(this.isOpen(b)) - Number(this.isOpen(a)) || a - b);
    await this.run.keysFrom(this.pair.source.name).alone(() => this.windows(this.cut(ordered, counts)));
  }

  /** The source lost the slots before it was told: it must not have keys of them, or the gossip makes it delete them. */
  private async finish(states: readonly SlotState[]): Promise<void> {
    const slots = states.map((state) => state.slot);
    const counts = await countKeys(this.pair.source.client, slots);
    for (const [slot, keys] of counts)
      if (keys > 0)
        throw new MoveError(
          "state",
          `slot ${slot}: ${this.pair.target.name} owns it, but ${this.pair.source.name} claims it with ${keys} keys; it needs a repair first`,
        );
    await finishAnnounced(this.run, this.pair, slots);
  }

  private async sort(
    todo: readonly SlotState[],
  ): Promise<{ filled: number[]; empty: number[]; counts: ReadonlyMap<number, number> }> {
    const slots = todo.map((state) => state.slot);
    const [here, there] = await Promise.all([
      countKeys(this.pair.source.client, slots),
      this.countAtTarget(slots),
    ]);
    for (const slot of slots) this.run.keysTotal += this.counted.has(slot) ? 0 : (here.get(slot) ?? 0);
    for (const slot of slots) this.counted.add(slot);
    for (const { slot, progress } of todo) {
      const untouched = progress === "closed" && there.get(slot) === 0;
      if (untouched) this.trusted.set(slot, this.processes());
      else if (!this.isOpen(slot)) this.trusted.delete(slot);
    }
    return {
      filled: slots.filter((slot) => (here.get(slot) ?? 0) > 0),
      empty: slots.filter((slot) => here.get(slot) === 0),
      counts: here,
    };
  }

  private async countAtTarget(slots: readonly number[]): Promise<Map<number, number>> {
    const { client } = this.pair.target;
    // A server without keys, as one that has just joined, need not be asked for each slot.
    if ((await client.call("DBSIZE")) === 0) return new Map(slots.map((slot) => [slot, 0]));
    return countKeys(client, slots);
  }

  /** Cuts the slots into windows by how long their keys should take. */
  private cut(slots: readonly number[], counts: ReadonlyMap<number, number>): number[][] {
    const parts: number[][] = [];
    let [open, ms]: [number[], number] = [[], 0];
    for (const slot of slots) {
      ms += this.pace.cost.estimateMs(counts.get(slot) ?? 0, 0);
      if (open.length >= MAX_WINDOW_SLOTS || (open.length >= WINDOW_SLOTS && ms > WINDOW_MS)) {
        parts.push(open);
        [open, ms] = [[], this.pace.cost.estimateMs(counts.get(slot) ?? 0, 0)];
      }
      open.push(slot);
    }
    return open.length > 0 ? [...parts, open] : parts;
  }

  /** While one window moves, the next is looked at, its slots still closed. */
  private async windows(parts: readonly (readonly number[])[]): Promise<void> {
    let ahead = this.prepare(parts[0] ?? []);
    for (const [index] of parts.entries()) {
      const { ready, keys } = await ahead;
      ahead = this.prepare(parts[index + 1] ?? []);
      // Its error is thrown where it is awaited.
      ahead.catch(() => undefined);
      await this.window(ready, keys);
    }
  }

  /** Keys of the slots with their sizes. */
  async keysOf(slots: readonly number[]): Promise<SizedKey[]> {
    const { client } = this.pair.source;
    const listed = await listKeys(client, slots);
    return this.allSmall() ? sampleKeys(client, listed) : measureKeys(client, listed);
  }

  /** Slots with a key that cannot be moved are left closed. Keys are listed here only where a script will not do it. */
  private async prepare(slots: readonly number[]): Promise<Prepared> {
    if (this.scripts && this.holds.bytes < MAX_KEY_BYTES) return { ready: slots, keys: undefined };
    const { name, client } = this.pair.source;
    const found = this.scripts ? await keysAbove(client, slots, MAX_KEY_BYTES) : undefined;
    this.scripts = found !== undefined;
    const keys = found ? undefined : await this.keysOf(slots);
    const large = found ?? keys?.filter((key) => key.bytes > MAX_KEY_BYTES) ?? [];
    for (const { slot, key, bytes } of large)
      this.run.refused.push({ slot, source: name, reason: tooLarge(name, key, bytes) });
    const closed = new Set(large.map((key) => key.slot));
    return {
      ready: slots.filter((slot) => !closed.has(slot)),
      keys: keys?.filter((key) => !closed.has(key.slot)),
    };
  }

  private async window(slots: readonly number[], keys: readonly SizedKey[] | undefined): Promise<void> {
    if (slots.length === 0) return;
    this.run.throwIfAborted();
    await moveWindow(this, slots, keys);
    this.failures = 0;
  }

  /** After a lost connection or a silent target: nothing late may take effect, then everything is looked at again. */
  private async recover(error: unknown): Promise<void> {
    const recoverable = error instanceof Interrupted || error instanceof UnreachableError;
    if (!recoverable) throw error;
    const seen = error.message;
    this.failures += 1;
    const { source, target } = this.pair;
    if (this.failures > MAX_FAILURES)
      throw new MoveError(
        "reply",
        `${source.name} to ${target.name}: no progress after ${MAX_FAILURES} tries; last seen: ${seen}`,
      );
    this.run.warn(`${source.name} to ${target.name}: ${seen}; looking again`);
    await this.run.context.clock.sleep(FAILURE_PAUSE_MS * this.failures, this.run.context.signal);
    try {
      await this.reopen();
    } catch (again) {
      if (!(again instanceof UnreachableError)) throw again;
      return this.recover(again);
    }
  }

  private async reopen(): Promise<void> {
    const lost = this.pair;
    closePair(lost);
    this.pair = await openPair(this.run.context, lost.source.name, lost.target.name);
    this.forgetSocket();
    await dropPendingMigrates(lost, this.pair.source.client);
    const target = this.run.toTarget(this.pair.target.name);
    await target.gate.alone(async () => {
      await dropPendingRestores(this.pair.target.client);
      target.fences++;
    });
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}
