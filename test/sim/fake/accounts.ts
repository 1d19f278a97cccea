/** Who may use a node: one password until 5.0, the default user's list of passwords from 6.0. */
import { createHash } from "node:crypto";
import type { Config } from "./config";
import type { Release } from "./release";
import type { Value } from "./value";

/** ACL rules that say what the default user may do; the fake lets it do everything. */
const PERMISSION = /^(on|~\*|&\*|\+@all|allkeys|allcommands|allchannels)$/;

/** Strings of the fake are bytes, one a character. */
function hashOf(password: string): string {
  return createHash("sha256").update(password, "latin1").digest("hex");
}

export class Accounts {
  /** sha256, hex, as ACLs keep them. */
  private readonly hashes = new Set<string>();
  private anybody: boolean;

  constructor(
    private readonly release: Release,
    config: Config,
  ) {
    const declared = config.get("requirepass") ?? "";
    if (declared !== "") this.hashes.add(hashOf(declared));
    this.anybody = declared === "";
  }

  /** Commands are served without a password. */
  get open(): boolean {
    return this.anybody;
  }

  /** CONFIG SET requirepass: the only password from now on. */
  replace(password: string): void {
    this.hashes.clear();
    if (password !== "") this.hashes.add(hashOf(password));
    this.anybody = password === "";
  }

  /** @returns the error text of AUTH, or undefined where it is let in */
  refusal(args: readonly string[]): string | undefined {
    const [first = "", second] = args;
    if (!this.release.acl) {
      if (this.open) return "ERR Client sent AUTH, but no password is set";
      return this.hashes.has(hashOf(first)) ? undefined : "ERR invalid password";
    }
    if (second === undefined && this.open) {
      return "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    }
    const [user, password] = second === undefined ? ["default", first] : [first, second];
    const known = user === "default" && (this.open || this.hashes.has(hashOf(password)));
    return known ? undefined : "WRONGPASS invalid username-password pair or user is disabled.";
  }

  /** A replica authenticates with masterauth; where it has none, it is let in only where nobody needs a password. */
  acceptsReplica(user: string, password: string): boolean {
    if (this.open) return true;
    return (user === "" || user === "default") && this.hashes.has(hashOf(password));
  }

  /** ACL SETUSER default RULE…: the rules about passwords. @returns the error text of the first that is none */
  change(rules: readonly string[]): string | undefined {
    for (const rule of rules) {
      if (rule.startsWith(">")) {
        this.hashes.add(hashOf(rule.slice(1)));
        this.anybody = false;
      } else if (/^#[0-9a-f]{64}$/.test(rule)) {
        this.hashes.add(rule.slice(1));
        this.anybody = false;
      } else if (rule.startsWith("<")) {
        if (!this.hashes.delete(hashOf(rule.slice(1))))
          return `ERR Error in ACL SETUSER modifier '${rule}': The password you are trying to remove from the user does not exist`;
      } else if (rule === "nopass" || rule === "resetpass") {
        this.hashes.clear();
        this.anybody = rule === "nopass";
      } else if (!PERMISSION.test(rule)) return `ERR Error in ACL SETUSER modifier '${rule}': Syntax error`;
    }
    return undefined;
  }

  /** ACL GETUSER default. */
  describe(): Value {
    const hashes = [...this.hashes];
    const open = this.anybody ? ["nopass"] : [];
    const common = (flags: string[], keys: Value, channels: Value): Value[] => [
      ...["flags", [...flags, ...open], "passwords", hashes],
      ...["commands", "+@all", "keys", keys, "channels", channels],
    ];
    if (this.release.line === "7.0") return [...common(["on"], "~*", "&*"), "selectors", []];
    return common(["on", "allkeys", "allchannels", "allcommands"], ["*"], ["*"]);
  }
}
