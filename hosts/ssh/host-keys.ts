/** Host keys: pinned by the declaration, or learned once and kept from then on. Another one stops everything. */
import { createHash } from "node:crypto";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { AccessError } from "./errors";
import type { SshAddress } from "./types";

/** As known_hosts names a server: "10.0.0.11", "[10.0.0.11]:2222". */
export function keyName({ host, port }: Pick<SshAddress, "host" | "port">): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** A key as known_hosts has it, "ssh-ed25519 AAAA…", from its bytes on the wire (RFC 4253, 6.6: length, type, rest). */
export function keyLine(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return `${key.subarray(4, 4 + length).toString("latin1")} ${key.toString("base64")}`;
}

/** "ssh-ed25519 SHA256:…", as `ssh-keygen -l` prints it. */
export function fingerprint(line: string): string {
  const [type = "", base64 = ""] = line.split(" ");
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `${type} SHA256:${digest.replace(/=+$/, "")}`;
}

/** Type and bytes alone: comments and spaces are no difference. */
function canonical(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(" ");
}

/** Algorithms in which a server shows a key of this type. */
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
};

const ALL = Object.values(ALGORITHMS).flat();

export class HostKeys {
  private readonly kept: Map<string, string>;

  constructor(known: Readonly<Record<string, string>> = {}) {
    this.kept = new Map(Object.entries(known).map(([name, line]) => [name, canonical(line)]));
  }

  /** The known ones' type first: a server that has several shows the one that can be compared. */
  algorithms(address: SshAddress): ServerHostKeyAlgorithm[] {
    const type = this.expected(address)?.split(" ", 1)[0] ?? "";
    const first = ALGORITHMS[type] ?? [];
    return [...first, ...ALL.filter((algorithm) => !first.includes(algorithm))];
  }

  /** @throws AccessError where another key is known. A first one is kept. */
  check(who: string, address: SshAddress, key: Buffer): void {
    const found = keyLine(key);
    const expected = this.expected(address);
    if (expected === undefined) this.kept.set(keyName(address), found);
    else if (expected !== found) throw changed(who, address, expected, found);
  }

  /** By `keyName`. */
  all(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.kept].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  private expected(address: SshAddress): string | undefined {
    return address.hostKey === undefined ? this.kept.get(keyName(address)) : canonical(address.hostKey);
  }
}

function changed(who: string, address: SshAddress, expected: string, found: string): AccessError {
  const pinned = address.hostKey === undefined ? "the one it had before" : "the declared one";
  return new AccessError(
    `${who} shows another host key than ${pinned}: expected ${fingerprint(expected)}, found ${fingerprint(found)}. ` +
      "Either somebody else answers at this address, or the server was set up anew. Nothing was sent to it. " +
      `Ask whoever runs it for the fingerprint; if it is the new one, declare the key: hostKey: "${found}".`,
  );
}
