/** Who may use a node: one password until 5.0, the default user's list of passwords from 6.0. */
import type { Config } from "./config";
import type { Release } from "./release";

export class Accounts {
  private readonly passwords = new Set<string>();

  constructor(
    private readonly release: Release,
    private readonly config: Config,
  ) {
    const declared = config.get("requirepass") ?? "";
    if (declared !== "") this.passwords.add(declared);
  }

  get open(): boolean {
    return this.passwords.size === 0;
  }

  /** CONFIG SET requirepass: the only password from now on. */
  replace(password: string): void {
    this.passwords.clear();
    if (password !== "") this.passwords.add(password);
  }

  /** @returns the error text of AUTH, or undefined where it is let in */
  refusal(args: readonly string[]): string | undefined {
    const [first = "", second] = args;
    if (!this.release.acl) {
      if (this.open) return "ERR Client sent AUTH, but no password is set";
      return this.passwords.has(first) ? undefined : "ERR invalid password";
    }
    if (second === undefined && this.open) {
      return "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    }
    const [user, password] = second === undefined ? ["default", first] : [first, second];
    const known = user === "default" && (this.open || this.passwords.has(password));
    return known ? undefined : "WRONGPASS invalid username-password pair or user is disabled.";
  }

  /** A replica authenticates with masterauth; where it has none, it is let in only where nobody needs a password. */
  acceptsReplica(user: string, password: string): boolean {
    if (this.open) return true;
    return (user === "" || user === "default") && this.passwords.has(password);
  }

  /** ACL SETUSER default RULE…: the rules about passwords. @returns the error text for any other rule */
  change(rules: readonly string[]): string | undefined {
    for (const rule of rules) {
      if (rule.startsWith(">")) this.passwords.add(rule.slice(1));
      else if (rule.startsWith("<")) {
        if (!this.passwords.delete(rule.slice(1)))
          return `ERR Error in ACL SETUSER modifier '${rule}': The password you are trying to remove from the user does not exist`;
      } else if (rule === "nopass" || rule === "resetpass") this.passwords.clear();
      else if (!/^(on|~\*|&\*|\+@all|allkeys|allcommands|allchannels)$/.test(rule))
        return `ERR Error in ACL SETUSER modifier '${rule}': Syntax error`;
    }
    return undefined;
  }

  /** As ACL LIST shows the passwords, without hashing. */
  describe(): string {
    const shown = this.open
      ? "nopass"
      : [...this.passwords].map((password) => `#${password.length}`).join(" ");
    return `user default on ${shown} ~* &* +@all`;
  }

  get requirepass(): string {
    return this.config.get("requirepass") ?? "";
  }
}
