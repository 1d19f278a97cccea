/** The connections of one cluster: one a server, kept and shared, made anew where they broke. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectConfig, utils } from "ssh2";
import { SshConnection } from "./connection";
import { AccessError, ConnectionLostError, connectError, describeServer } from "./errors";
import { HostKeys } from "./host-keys";
import { limited } from "./limit";
import type { SshAccess, SshAddress, SshBounds } from "./types";

/** Pauses before another try after a connection broke, in ms. A restarted sshd is back after the first. */
const PAUSES_MS: readonly number[] = [250, 1_000, 3_000];
/** For how long a server that did not answer is not tried again, in ms: every step of one look would wait for it. */
const QUIET_MS = 3_000;
const SLOW_MS = 1_000;
/** Handshakes at a time: each is work for this machine's processor, and their time is bounded. */
const HANDSHAKES = 20;

export class Connections {
  private readonly open = new Map<string, Promise<SshConnection>>();
  private readonly ways: Pick<ConnectConfig, "privateKey" | "passphrase" | "agent">;
  private readonly keyHint: string;
  readonly hostKeys: HostKeys;
  private readonly handshake = limited(HANDSHAKES);
  private readonly silent = new Map<string, { readonly error: unknown; readonly untilMs: number }>();
  private isClosed = false;

  /** @throws AccessError where there is no key to show, or one that cannot be read. */
  constructor(
    private readonly access: SshAccess,
    private readonly bounds: Pick<SshBounds, "connectMs">,
    knownHostKeys: Readonly<Record<string, string>> | undefined,
    private readonly report: (line: string) => void,
  ) {
    this.hostKeys = new HostKeys(knownHostKeys);
    const { ways, hint } = readKey(access);
    this.ways = ways;
    this.keyHint = hint;
  }

  /**
   * Runs `work` on the server's connection; where that breaks, again on a new one, three times. So `work` must be safe to
   * repeat. Other errors pass through at once.
   */
  async use<T>(
    label: string,
    server: SshAddress,
    work: (connection: SshConnection) => Promise<T>,
  ): Promise<T> {
    let wasUp = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const connection = await this.get(label, server);
        wasUp = true;
        return await work(connection);
      } catch (error) {
        const pauseMs = PAUSES_MS[attempt];
        // A server that has just been there may be rebooting: even "refused" is worth another try then.
        const again = error instanceof ConnectionLostError || (wasUp && isUnreachable(error));
        if (!again || pauseMs === undefined || this.isClosed) throw final(error);
        this.report(`${error.message}; trying again`);
        await sleep(pauseMs);
        this.silent.delete(keyOf(server));
      }
    }
  }

  close(): void {
    this.isClosed = true;
    for (const opening of this.open.values())
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      );
    this.open.clear();
  }

  private async get(label: string, server: SshAddress): Promise<SshConnection> {
    const key = keyOf(server);
    const silent = this.silent.get(key);
    if (silent && performance.now() < silent.untilMs) throw silent.error;
    const known = this.open.get(key);
    if (known && (await known.catch(() => undefined))?.isAlive) return known;
    // Somebody else may have begun a new one meanwhile.
    const now = this.open.get(key);
    if (now && now !== known) return now;
    const beganMs = performance.now();
    const opening = this.connect(label, server);
    this.open.set(key, opening);
    opening.catch((error: unknown) => {
      if (this.open.get(key) === opening) this.open.delete(key);
      const nowMs = performance.now();
      // A refusal comes at once and may be asked for again.
      if (isUnreachable(error) && nowMs - beganMs > SLOW_MS)
        this.silent.set(key, { error, untilMs: nowMs + QUIET_MS });
    });
    return opening;
  }

  private async connect(label: string, server: SshAddress): Promise<SshConnection> {
    const who = describeServer(label, server);
    const { bastion } = this.access;
    const isBastion = server === bastion;
    try {
      if (this.isClosed) throw new Error("closed");
      if (bastion === undefined || isBastion) return await this.handshake(() => this.shake(who, server));
      const through = await this.use("bastion", bastion, (hop) =>
        hop.forward(server.host, server.port, this.bounds.connectMs),
      );
      return await this.handshake(() => this.shake(who, server, through));
    } catch (error) {
      throw connectError(error, who, server, this.keyHint);
    }
  }

  private async shake(
    who: string,
    server: SshAddress,
    through?: Parameters<typeof SshConnection.open>[2],
  ): Promise<SshConnection> {
    let refusal: unknown;
    try {
      return await SshConnection.open(
        who,
        {
          ...this.ways,
          host: server.host,
          port: server.port,
          username: server.user,
          readyTimeout: this.bounds.connectMs,
          algorithms: { serverHostKey: this.hostKeys.algorithms(server) },
          hostVerifier: (key: Buffer) => {
            try {
              this.hostKeys.check(who, server, key);
              return true;
            } catch (error) {
              refusal = error;
              return false;
            }
          },
        },
        through,
      );
    } catch (error) {
      through?.destroy();
      // ssh2 would say no more than that the verification failed.
      throw connectError(refusal ?? error, who, server, this.keyHint);
    }
  }
}

function keyOf({ user, host, port }: SshAddress): string {
  return `${user}@${host}:${port}`;
}

function isUnreachable(error: unknown): error is Error {
  return error instanceof Error && error.name === "UnreachableServerError";
}

/** After the last try a lost connection is something for the user. */
function final(error: unknown): unknown {
  if (!(error instanceof ConnectionLostError)) return error;
  return new AccessError(
    `${error.message}, also after ${PAUSES_MS.length} further tries. See that the server and its sshd stay up, then run again: the run continues there.`,
    { cause: error },
  );
}

function readKey(access: SshAccess): {
  ways: Pick<ConnectConfig, "privateKey" | "passphrase" | "agent">;
  hint: string;
} {
  const { privateKey, passphrase } = access;
  if (privateKey !== undefined) {
    const parsed = utils.parseKey(privateKey, passphrase);
    if (parsed instanceof Error)
      throw new AccessError(`the private key for ssh cannot be read: ${keyProblem(parsed)}`);
    const [key] = [parsed].flat();
    const type = key?.type ?? "unknown";
    return {
      ways: { privateKey, ...(passphrase === undefined ? {} : { passphrase }) },
      hint: `the declared ${type} key`,
    };
  }
  const agent = access.agent ?? process.env.SSH_AUTH_SOCK;
  if (agent === undefined || agent === "")
    throw new AccessError(
      "there is no key for ssh: declare a private key, or start an agent (ssh-agent, ssh-add), so that SSH_AUTH_SOCK is set",
    );
  return { ways: { agent }, hint: "the keys of the ssh agent" };
}

function keyProblem(error: Error): string {
  if (/no passphrase|encrypted/i.test(error.message)) return "it has a passphrase, and none is declared.";
  if (/bad passphrase|integrity/i.test(error.message)) return "the declared passphrase is not its.";
  return `${error.message}. It must be the whole text of an OpenSSH or PEM key, first and last line included.`;
}
