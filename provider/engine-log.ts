/** Messages to the Pulumi engine: the only way for a provider to show something, since its stdout is hidden. */
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export type Severity = "debug" | "info" | "warning" | "error";

const SEVERITIES = {
  debug: LogSeverity.DEBUG,
  info: LogSeverity.INFO,
  warning: LogSeverity.WARNING,
  error: LogSeverity.ERROR,
} as const satisfies Record<Severity, LogSeverity>;

/** Shorter texts would blank out half of every message; passwords that short are refused by the config. */
const SHORTEST_REDACTED = 4;

/**
 * One line after another, in order: each waits until the engine has taken the one before. Status texts (`status`) are
 * shown live beside the resource and replaced by the next; of those that pile up only the newest is sent.
 */
export class EngineLog {
  private client: EngineClient | undefined;
  private queue: Promise<void> = Promise.resolve();
  private pendingStatus: string | undefined;
  private readonly secrets = new Set<string>();

  constructor(private address: string | undefined) {}

  /** The engine's address when it attaches to a provider that somebody else started (a debugger). */
  attach(address: string): void {
    this.client?.close();
    this.client = undefined;
    this.address = address;
  }

  /** From now on these texts never leave the process in a message, whatever error they turn up in. */
  hide(secrets: readonly string[]): void {
    for (const text of secrets) if (text.length >= SHORTEST_REDACTED) this.secrets.add(text);
  }

  redact(text: string): string {
    let result = text;
    for (const hidden of this.secrets) result = result.replaceAll(hidden, "[secret]");
    return result;
  }

  write(severity: Severity, urn: string, text: string): void {
    this.queue = this.queue.then(() => this.send(severity, urn, text, false));
  }

  status(urn: string, text: string): void {
    const isScheduled = this.pendingStatus !== undefined;
    this.pendingStatus = text;
    if (isScheduled) return;
    this.queue = this.queue.then(() => {
      const newest = this.pendingStatus ?? "";
      this.pendingStatus = undefined;
      return this.send("info", urn, newest, true);
    });
  }

  /** Resolves when everything written so far has reached the engine (or could not). */
  flush(): Promise<void> {
    return this.queue;
  }

  /** Never rejects: a message that cannot be delivered must not fail the operation it tells about. */
  private send(severity: Severity, urn: string, text: string, ephemeral: boolean): Promise<void> {
    if (this.address === undefined) return Promise.resolve();
    this.client ??= new EngineClient(this.address, credentials.createInsecure());
    const request = new LogRequest()
      .setSeverity(SEVERITIES[severity])
      .setUrn(urn)
      .setMessage(this.redact(text))
      .setEphemeral(ephemeral);
    const client = this.client;
    return new Promise((resolve) => client.log(request, () => resolve()));
  }
}
