/** What goes wrong on the way to a server, in words for the one who can put it right. */
import { UserError } from "../errors";
import type { SshAddress } from "./types";

/** The connection broke while it was in use, or as it was being made. Worth another try: the server was there. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** Nobody can work with this server now. The text names it and says what to do. */
export class UnreachableServerError extends UserError {
  override readonly name = "UnreachableServerError";
}

/** The server, or the way to it, is not as declared: no reason to go on with any server. */
export class AccessError extends UserError {
  override readonly name = "AccessError";
}

/** 'server "shard-1-a" (admin@10.0.0.11)'; the port where it is not the usual one. */
export function describeServer(label: string, { user, host, port }: SshAddress): string {
  return `${label} (${user}@${host}${port === 22 ? "" : `:${port}`})`;
}

const OTHERS = "The other servers were left as they are.";

/** `level` of ssh2's errors, `code` of the system's. */
function fieldOf(error: unknown, name: "level" | "code"): string {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : "";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Why no connection came about. `who` is `describeServer`'s. `keyHint` says which key was shown. */
export function connectError(error: unknown, who: string, address: SshAddress, keyHint: string): Error {
  if (error instanceof UserError) return error;
  const code = fieldOf(error, "code");
  const level = fieldOf(error, "level");
  const text = textOf(error);
  if (level === "client-authentication")
    return new AccessError(
      `${who} does not let ${address.user} in with ${keyHint}. ` +
        `Put its public half into ~${address.user}/.ssh/authorized_keys there, or declare the right user and key.`,
    );
  if (level === "agent" || /agent/i.test(text))
    return new AccessError(
      `${who}: the ssh agent did not help (${text}). Load the key (ssh-add), or declare a private key.`,
    );
  const problem = whyUnreachable(code, level, text);
  if (problem === undefined) return new ConnectionLostError(`${who}: ${text}`);
  return new UnreachableServerError(`${who} cannot be reached: ${problem} ${OTHERS}`);
}

/** Problem and cure; undefined for what may be over in a moment. */
function whyUnreachable(code: string, level: string, text: string): string | undefined {
  if (code === "ECONNREFUSED" || /Connection refused/i.test(text))
    return "connection refused. Start its sshd, or correct host and port.";
  if (
    level === "client-dns" ||
    ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL"].includes(code) ||
    /Name or service not known/i.test(text)
  )
    return "its name has no address. Correct `host`, or see that the name resolves from here (from the bastion, where there is one).";
  if (["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"].includes(code) || level === "client-timeout")
    return "no answer. See that it runs, that its address is right, and that firewalls let ssh through.";
  if (/timed out|no route to host|unreachable/i.test(text))
    return "no answer. See that it runs, that its address is right, and that firewalls let ssh through.";
  if (/administratively prohibited/i.test(text))
    return "the bastion forbids forwarding. Set `AllowTcpForwarding yes` in its sshd_config.";
  return undefined;
}

/** Why `dial` came to nothing, with the code of a plain socket's error: the engine tells "refused" from "no answer" by it. */
export function dialError(error: unknown, address: string, port: number): Error {
  const text = textOf(error);
  const where = `${address}:${port}`;
  if (/Connection refused/i.test(text)) return withCode(`connect ECONNREFUSED ${where}`, "ECONNREFUSED");
  if (/timed out|no route|unreachable/i.test(text))
    return withCode(`connect ETIMEDOUT ${where}`, "ETIMEDOUT");
  if (/administratively prohibited/i.test(text))
    return new AccessError(
      `its sshd forbids forwarding to ${where}: set \`AllowTcpForwarding yes\` in its sshd_config`,
    );
  if (error instanceof ConnectionLostError) return error;
  return new ConnectionLostError(`connection to ${where} by way of ssh: ${text}`);
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
