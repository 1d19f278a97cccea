/** What a password must be so that redis.conf, AUTH and the links among nodes carry it, in every supported version. */
import { HIDDEN, type Problem } from "./error";
import { UNPRINTABLE } from "./values";

/** Shorter ones are guessed: Redis answers a hundred thousand tries a second. In characters. */
export const PASSWORD_MIN_LENGTH = 8;

/** CONFIG_AUTHPASS_MAX_LEN of Redis 5.0's server.h, in bytes. */
export const PASSWORD_MAX_BYTES = 512;

/**
 * What is wrong with a password; empty where nothing is. Quotes, backslashes, blanks and any letter of UTF-8 are fine:
 * they are escaped in the file, and sent with their length on every connection. The value appears nowhere.
 */
export function passwordProblems(password: string): Problem[] {
  const expectations = [
    password.trim() === "" ? "more than nothing and blanks" : undefined,
    UNPRINTABLE.test(password)
      ? "no line breaks (a trailing one, too) or other control characters"
      : undefined,
    [...password].length < PASSWORD_MIN_LENGTH ? `at least ${PASSWORD_MIN_LENGTH} characters` : undefined,
    Buffer.byteLength(password) > PASSWORD_MAX_BYTES ? `at most ${PASSWORD_MAX_BYTES} bytes` : undefined,
  ].filter((text) => text !== undefined);
  if (expectations.length === 0) return [];
  return [
    {
      property: "password",
      value: HIDDEN,
      expected: expectations.join("; "),
      cure: "openssl rand -hex 32 | tr -d '\\n' | pulumi config set --secret password",
    },
  ];
}
