/** DUMP's serialized values: type byte, value, size, and the ten bytes of version and checksum at the end. */
import { createHash } from "node:crypto";
import type { Entry } from "./database";

const SIZE_DIGITS = 12;
const VERSION = "\x09\x00";
const CHECKSUM_BYTES = 8;

function checksum(text: string): string {
  return createHash("sha1").update(text, "latin1").digest().toString("latin1").slice(0, CHECKSUM_BYTES);
}

export function dumpEntry(entry: Entry): string {
  const body = `\x00${entry.value}${entry.bytes.toString(16).padStart(SIZE_DIGITS, "0")}${VERSION}`;
  return body + checksum(body);
}

/** Undefined where it is no payload of ours. The expiry travels beside it. */
export function parseEntry(payload: string, expiresMs: number | undefined): Entry | undefined {
  const body = payload.slice(0, -CHECKSUM_BYTES);
  const end = body.length - VERSION.length;
  if (end < SIZE_DIGITS + 1 || payload.slice(-CHECKSUM_BYTES) !== checksum(body)) return undefined;
  const value = body.slice(1, end - SIZE_DIGITS);
  const bytes = Number.parseInt(body.slice(end - SIZE_DIGITS, end), 16);
  return { value, bytes, ...(expiresMs === undefined ? {} : { expiresMs }) };
}
