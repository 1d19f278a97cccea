/** Which of the known passwords a node accepts and uses: told by index, so that a view holds no secret. */
import { createHash } from "node:crypto";
import type { AclUser } from "./parse";
import type { NodeUp } from "./view";

export type PasswordFacts = Pick<NodeUp, "acceptedPasswords" | "otherPasswords" | "linkPasswordIndex">;

/** sha256 as hex, the form in which ACLs keep passwords. */
export function passwordHash(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}

/** `acl` is the default user, undefined before 6.0: there the password is the one of `requirepass`. */
export function passwordFacts(
  known: readonly string[],
  config: ReadonlyMap<string, string>,
  acl: AclUser | undefined,
): PasswordFacts {
  const linkPasswordIndex = known.indexOf(config.get("masterauth") ?? "");
  const candidates = acl ? known.map(passwordHash) : known;
  const set = acl ? (acl.nopass ? [] : acl.hashes) : [config.get("requirepass") ?? ""].filter(Boolean);
  const acceptedPasswords = candidates.flatMap((candidate, index) =>
    set.includes(candidate) ? [index] : [],
  );
  return { acceptedPasswords, otherPasswords: set.length - acceptedPasswords.length, linkPasswordIndex };
}
