/** The phases of a password change; plan/password.ts says why in this order. Each may be repeated. */
import type { Command, NodeClient, RedisReplyError } from "../client";
import { parsePairs } from "../parse";
import { passwordHash } from "../passwords";
import type { Step } from "../plan/types";
import { hasAcl } from "../plan/versions";
import { on, type StepContext, specOf } from "./context";

type Rotation = Extract<Step, { kind: "rotatePassword" }>;

export async function rotatePassword(step: Rotation, context: StepContext): Promise<void> {
  switch (step.phase) {
    case "allow":
      return allowPasswords(step.nodes, context);
    case "links":
      return setLinks(step.nodes, context);
    case "switch":
      return switchPassword(step.nodes, context);
    case "revoke":
      return revokeOthers(step.nodes, context);
    default:
      return unknownPhase(step.phase);
  }
}

function unknownPhase(phase: never): never {
  throw new Error(`unknown phase ${String(phase)}`);
}

/**
 * Adds the declared password, and the previous ones where they are kept. As hashes: the plain text does not travel, and
 * neither SLOWLOG nor anything else can keep it. Not CONFIG SET requirepass, which drops all others.
 */
export async function allowPasswords(nodes: readonly string[], context: StepContext): Promise<void> {
  const { password, previousPasswords, keepPreviousPasswords } = context.spec;
  const wanted = keepPreviousPasswords ? [password, ...previousPasswords] : [password];
  const rules = wanted.map((each) => `#${passwordHash(each)}`);
  await Promise.all(
    nodes.map((name) => on(context, name, (client) => client.call("ACL", "SETUSER", "default", ...rules))),
  );
}

/** Once a node restarted: its file has the declared password only. */
export async function restoreKept(name: string, version: string, context: StepContext): Promise<void> {
  const { keepPreviousPasswords, previousPasswords } = context.spec;
  if (!keepPreviousPasswords || previousPasswords.length === 0 || !hasAcl(version)) return;
  await allowPasswords([name], context);
}

async function setLinks(nodes: readonly string[], context: StepContext): Promise<void> {
  const masterauth: Command = ["CONFIG", "SET", "masterauth", context.spec.password];
  await Promise.all(nodes.map((name) => on(context, name, (client) => setUnlogged(client, [masterauth]))));
}

/**
 * On all nodes at once, from connections and values that are at hand before the first is changed: for as long as this
 * takes, new connections find nodes of both kinds.
 */
async function switchPassword(nodes: readonly string[], context: StepContext): Promise<void> {
  const sends = await Promise.all(
    nodes.map((name) => on(context, name, (client) => prepareSwitch(client, context.spec.password))),
  );
  const began = context.clock.now();
  await Promise.all(sends.map((send) => send()));
  const splitMs = context.clock.now() - began;
  context.detail(
    `new connections found nodes with the old and nodes with the new password for ${splitMs.toFixed(1)} ms`,
  );
  await proveAccepted(nodes, context);
}

async function prepareSwitch(client: NodeClient, password: string): Promise<() => Promise<void>> {
  const config = parsePairs(await client.call("CONFIG", "GET", "requirepass"));
  const unlogged = await unloggedSetter(client);
  // Links that never authenticated would get NOAUTH for what they acknowledge, in the middle of the stream that the
  // replica counts as its offset. So they begin anew, in the same transaction, with the masterauth set before.
  const relink: Command[] = config.get("requirepass") ? [] : [["CLIENT", "KILL", "TYPE", "slave"]];
  return async () => {
    // AUTH, because a connection that needed no password so far is not authenticated from here on.
    await unlogged([["CONFIG", "SET", "requirepass", password], ...relink, ["AUTH", password]]);
  };
}

/** The declared password alone, in one command: there is no moment without any. */
async function revokeOthers(nodes: readonly string[], context: StepContext): Promise<void> {
  const hash = passwordHash(context.spec.password);
  await Promise.all(
    nodes.map((name) =>
      on(context, name, (client) => client.call("ACL", "SETUSER", "default", "resetpass", `#${hash}`)),
    ),
  );
  await proveAccepted(nodes, context);
}

/** Opens a new connection to each node. @throws Error where the declared password is not what opened it. */
async function proveAccepted(nodes: readonly string[], context: StepContext): Promise<void> {
  await Promise.all(
    nodes.map(async (name) => {
      const client = await context.sessions.separate(specOf(context, name));
      client.close();
      if (client.passwordIndex !== 0)
        throw new Error(
          `${name} does not accept the declared password${client.passwordIndex < 0 ? " and asks for none" : ""}`,
        );
    }),
  );
}

async function setUnlogged(client: NodeClient, commands: readonly Command[]): Promise<void> {
  const send = await unloggedSetter(client);
  await send(commands);
}

/**
 * Runs commands with secrets in a transaction that switches the slow log off around them: before 6.2 it keeps the
 * arguments of CONFIG SET when that happens to be slow, or when everything is logged. In one transaction, so that
 * nobody's commands go unlogged and a run that dies cannot leave the log off. MONITOR shows no CONFIG in any version.
 */
async function unloggedSetter(client: NodeClient): Promise<(commands: readonly Command[]) => Promise<void>> {
  const directive = "slowlog-log-slower-than";
  const threshold = parsePairs(await client.call("CONFIG", "GET", directive)).get(directive) ?? "10000";
  return async (commands) => {
    const replies = await client.pipeline([
      ["MULTI"],
      ["CONFIG", "SET", directive, "-1"],
      ...commands,
      ["CONFIG", "SET", directive, threshold],
      ["EXEC"],
    ]);
    const results = replies.at(-1);
    const failed = [...replies, ...(Array.isArray(results) ? results : [])].find(
      (reply): reply is RedisReplyError => reply instanceof Error,
    );
    if (failed) throw new Error(`${client.node}: the password could not be set: ${failed.message}`);
    if (!Array.isArray(results)) throw new Error(`${client.node}: the password was not set (EXEC aborted)`);
  };
}
