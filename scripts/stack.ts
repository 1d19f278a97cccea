import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { UserError } from "../install/errors";
import type { RedisRequest } from "../install/redis";
import { DEFAULT_STACK, PROJECT, ROOT } from "./pulumi";

/** Arguments of `npm run up -- ARGS`: the stack, and what is left for Pulumi. */
export interface StackArgs {
  stack: string;
  rest: string[];
}

/** Takes `--stack NAME`, `--stack=NAME` or `-s NAME` out of the arguments. Default: PULUMI_STACK, else "dev". */
export function takeStack(args: readonly string[], env: NodeJS.ProcessEnv = process.env): StackArgs {
  const rest: string[] = [];
  let stack = env.PULUMI_STACK || DEFAULT_STACK;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [option, value] = arg.split("=", 2);
    if (option !== "--stack" && option !== "-s") {
      rest.push(arg);
      continue;
    }
    const name = value ?? args[++i];
    if (name === undefined || name === "")
      throw new UserError(`${option} needs the name of a stack`, "For example --stack dev");
    stack = name;
  }
  return { stack, rest };
}

/** The stack's own keys as its file has them, without the namespace; a secret is an object with `secure`. */
export function readStackFile(stack: string): Record<string, unknown> {
  const file = join(ROOT, `Pulumi.${stack}.yaml`);
  if (!existsSync(file)) return {};
  const content: unknown = parse(readFileSync(file, "utf8"));
  const config = isRecord(content) && isRecord(content.config) ? content.config : {};
  const own = Object.entries(config).filter(([key]) => key.startsWith(`${PROJECT}:`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(PROJECT.length + 1), value]));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The Redis that a stack needs on this machine; undefined for a target that is elsewhere. */
export function redisOf(config: Record<string, unknown>): RedisRequest | undefined {
  if ((config.target ?? "local") !== "local") return undefined;
  const text = (key: string) => (typeof config[key] === "string" ? config[key] : undefined);
  return { version: text("redisVersion"), source: text("redisSource"), sha256: text("redisSourceSha256") };
}
