/** Real clients from their registries, run as a user would run them. */
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run";
import { PASSWORD, ROOT } from "./stack";

/** Kept between runs; made anew when it is not there. */
const PLACES = join(tmpdir(), `redis-cluster-kit-test-python-${process.getuid?.() ?? 0}`);

/** A Python with one package in it. Rejects when the registry cannot be reached. */
async function pythonWith(requirement: string): Promise<string> {
  const place = join(PLACES, requirement.replace(/[^\w.-]/g, "_"));
  const python = join(place, "bin", "python");
  const ready = join(place, "ready");
  if (existsSync(ready)) return python;
  mkdirSync(PLACES, { recursive: true });
  const steps = [
    ["python3", "-m", "venv", "--clear", place],
    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
  ];
  for (const [command = "", ...args] of steps) {
    const result = await run(command, args, { cwd: PLACES, env: process.env });
    if (result.code !== 0) throw new Error(`${requirement} cannot be installed: ${result.output}`);
  }
  mkdirSync(ready);
  return python;
}

/** Output of Python code that needs `requirement`, e.g. "redis-py-cluster==2.1.3". */
export async function runPython(requirement: string, code: string): Promise<string> {
  return output(await pythonWith(requirement), ["-c", code]);
}

/** Output of JavaScript that needs packages of ours. */
export function runNode(code: string): Promise<string> {
  return output(process.execPath, ["-e", code]);
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, REDISCLI_AUTH: PASSWORD };
  const result = await run(command, args, { cwd: ROOT, env });
  if (result.code !== 0) throw new Error(`${command} ended with ${result.code}:\n${result.output}`);
  return result.output.trim();
}

/** Python for redis-py-cluster: writes keys into every shard, reads them back one by one and with MGET; prints how many. */
export function everySlotCode(host: string, port: number): string {
  return `
import os
from rediscluster import RedisCluster
client = RedisCluster(startup_nodes=[{"host": "${host}", "port": "${port}"}], decode_responses=True,
                      password=os.environ["REDISCLI_AUTH"], skip_full_coverage_check=True)
slots = set()
for i in range(6000):
    key = "{tag%d}:a" % i
    slots.add(client.connection_pool.nodes.keyslot(key))
    client.set(key, i)
    client.set("{tag%d}:b" % i, -i)
wrong = [i for i in range(6000) if client.get("{tag%d}:a" % i) != str(i)]
pairs = [i for i in range(0, 6000, 20) if client.mget("{tag%d}:a" % i, "{tag%d}:b" % i) != [str(i), str(-i)]]
for i in range(6000):
    client.delete("{tag%d}:a" % i, "{tag%d}:b" % i)
print(len(slots), len(wrong), len(pairs))
`;
}
