/** Host keys of servers that commands learned, by cluster: pinned from the first contact on, as `up` does it in the stack. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { dataFolder } from "../install/cache";

const keysSchema = z.record(z.string(), z.string());

function fileOf(cluster: string, env: NodeJS.ProcessEnv): string {
  return join(dataFolder(env), "host-keys", `${encodeURIComponent(cluster)}.json`);
}

/** Empty where there are none. A damaged file is an error: forgetting the keys would accept any server. */
export function readHostKeys(cluster: string, env = process.env): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(fileOf(cluster, env), "utf8");
  } catch {
    return {};
  }
  return keysSchema.parse(JSON.parse(text));
}

export function keepHostKeys(
  cluster: string,
  keys: Readonly<Record<string, string>>,
  env = process.env,
): void {
  const before = JSON.stringify(readHostKeys(cluster, env));
  const now = JSON.stringify({ ...readHostKeys(cluster, env), ...keys });
  if (now === before) return;
  const file = fileOf(cluster, env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${now}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
