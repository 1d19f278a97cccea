/** What happened when: events relative to the moment at which the failover was caused. */
import type { Clock } from "../clock";
import { waitUntil } from "../wait";
import type { Ack, DrillEvent, DrillEventKind } from "./types";

export class Recorder {
  private readonly list: { kind: DrillEventKind; at: number; text: string }[] = [];
  private origin: number;

  constructor(
    private readonly clock: Clock,
    private readonly onEvent: ((event: DrillEvent) => void) | undefined,
  ) {
    this.origin = clock.now();
  }

  /** From now on times count from here; what was recorded before becomes negative. */
  startClock(): void {
    this.origin = this.clock.now();
  }

  add(kind: DrillEventKind, text: string): void {
    const at = this.clock.now();
    this.list.push({ kind, at, text });
    this.onEvent?.({ kind, atMs: at - this.origin, text });
  }

  /** In order of time. */
  events(): DrillEvent[] {
    return this.list
      .map(({ kind, at, text }) => ({ kind, atMs: at - this.origin, text }))
      .sort((one, other) => one.atMs - other.atMs);
  }

  timeOf(kind: DrillEventKind): number | undefined {
    const event = this.list.find((entry) => entry.kind === kind);
    return event && event.at - this.origin;
  }

  /** Acknowledgements in this recorder's time. */
  relative(acks: readonly Ack[]): Ack[] {
    return acks.map((ack) => ({ ...ack, atMs: ack.atMs - this.origin }));
  }

  async waitFor(kind: DrillEventKind, timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    await waitUntil(async () => this.timeOf(kind) !== undefined || this.lastSeen(), {
      clock: this.clock,
      signal,
      timeoutMs,
      intervalMs: 5,
      maxIntervalMs: 50,
      what: `"${kind}" of the drill`,
    });
    return this.timeOf(kind) ?? 0;
  }

  private lastSeen(): string {
    return this.list.at(-1)?.text ?? "nothing";
  }
}
