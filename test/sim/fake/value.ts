/** Replies inside the fake, before they become what a client library gives. Strings are bytes, one character each. */
import { type Argument, RedisReplyError, type Reply } from "../../../cluster/client";

/** A simple string such as OK. */
export class Status {
  constructor(readonly text: string) {}
}

/** An error reply. Thrown by handlers; no Error, because thousands of them are an ordinary answer and need no stack. */
export class Failure {
  constructor(readonly message: string) {}
}

/** A Failure stands inside of an EXEC's results only. */
export type Value = Status | string | number | null | Failure | Value[];

/** A reply that comes later; the client's further commands wait for it. */
export class Deferred {
  constructor(readonly start: (done: (outcome: Value | Failure) => void) => void) {}
}

export const OK = new Status("OK");

export function toBytes(argument: Argument): string {
  if (typeof argument === "number") return String(argument);
  if (typeof argument !== "string") return argument.toString("latin1");
  return isAscii(argument) ? argument : Buffer.from(argument, "utf8").toString("latin1");
}

/** As a client library gives it: text, or Buffers for every string. */
export function toReply(value: Value, binary: boolean): Reply {
  if (Array.isArray(value)) return value.map((item) => toReply(item, binary));
  // Client libraries put an Error into the list, although the type of a reply does not say so.
  if (value instanceof Failure) return new RedisReplyError(value.message, "", "EXEC") as unknown as Reply;
  const text = value instanceof Status ? value.text : value;
  if (typeof text !== "string") return text;
  if (binary) return Buffer.from(text, "latin1");
  return isAscii(text) ? text : Buffer.from(text, "latin1").toString("utf8");
}

function isAscii(text: string): boolean {
  return !/[\x80-\uffff]/.test(text);
}

export function integer(text: string | undefined): number {
  if (text === undefined || !/^-?\d{1,18}$/.test(text))
    throw new Failure("ERR value is not an integer or out of range");
  return Number(text);
}
