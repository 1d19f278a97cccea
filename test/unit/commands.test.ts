/** What README and docs tell people to type is there: scripts, benchmarks, commands with their options, keys of the configuration. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../cli/main";
import { awsSchema } from "../../config/aws/schema";
import { backupSchema } from "../../config/backup";
import { monitoringSchema } from "../../config/monitoring";
import { partsOf } from "../../config/parts";
import { stackSchema } from "../../config/schema";
import { sshSchema } from "../../config/ssh";
import { commandsIn, optionsOf, type ToldCommand } from "../support/house/commands";
import { projectFiles, ROOT, readProjectFile } from "../support/house/sources";
import { recordedIo } from "./cli/support";

const told = projectFiles([".md"]).flatMap((file) => commandsIn(file, readProjectFile(file)));
const shown = ({ file, words }: ToldCommand) => `${file}: ${words.join(" ")}`;
const { scripts } = JSON.parse(readProjectFile("package.json")) as { scripts: Record<string, string> };

/** "npm run --silent NAME ...": what is wrong with it. */
function npmProblem([, verb = "", ...rest]: readonly string[]): string | undefined {
  if (verb === "test") return scripts.test === undefined ? "no script" : undefined;
  const [name = "", benchmark = ""] = rest.filter((word) => word !== "--silent");
  if (scripts[name] === undefined) return `no script ${name}`;
  if (name !== "bench" || /^[A-Z]*$/.test(benchmark)) return undefined;
  return existsSync(join(ROOT, "bench", `${benchmark}.ts`)) ? undefined : `no benchmark ${benchmark}`;
}

/** Help of the longest command that `words` begin with; undefined where there is none. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  const end = words.findIndex((word) => !/^[a-z]+$/.test(word));
  const names = words.slice(0, end === -1 ? words.length : end);
  for (let length = names.length; length > 0; length--) {
    const path = names.slice(0, length);
    const { io, out } = recordedIo();
    const code = await run([...path, "--help"], io);
    if (code === 0 && out().startsWith(`Usage: redis-cluster-kit ${path.join(" ")} `)) return out();
  }
  return undefined;
}

async function kitProblem(words: readonly string[]): Promise<string | undefined> {
  const own = words.slice(words.indexOf("redis-cluster-kit") + 1);
  if (own.length === 0) return undefined;
  const help = await helpOf(own);
  if (help === undefined) return `no command ${own.join(" ")}`;
  const known = new Set(help.match(/(?<=^ {2}.*)--?[a-z][\w-]*/gm));
  const unknown = optionsOf(own).filter((option) => !known.has(option));
  return unknown.length === 0 ? undefined : `no option ${unknown.join(", ")}`;
}

const KEYS = new Set(
  [
    ...partsOf("", stackSchema),
    ...partsOf("aws", awsSchema),
    ...partsOf("ssh", sshSchema),
    ...partsOf("monitoring", monitoringSchema),
    ...partsOf("backup", backupSchema),
  ].map(({ path }) => path.replace(/^\./, "")),
);

/** Mappings whose keys are the user's own, or directives. */
const FREE = ["redis", "aws.hostKeys", "aws.subnets", "aws.tags"];

function isKey(key: string): boolean {
  if (KEYS.has(key) || /^[A-Z]+$/.test(key)) return true;
  return FREE.some((free) => KEYS.has(free) && [".", "["].some((sign) => key.startsWith(free + sign)));
}

/** "config set --path aws.region ...": its key, where it names one. Directives below `redis` have tests of their own. */
function configKey(words: readonly string[]): string | undefined {
  const at = words.indexOf("config");
  if (at === -1 || !["set", "get", "rm"].includes(words[at + 1] ?? "")) return undefined;
  const key = words.slice(at + 2).find((word) => !word.startsWith("-") && word !== "");
  return key
    ?.replaceAll(/["']/g, "")
    .replace(/^redis-cluster-kit:/, "")
    .replaceAll(/\[\d+\]/g, "[]");
}

describe("commands in README and docs", () => {
  const ofNpm = told.filter(({ words }) => words[0] === "npm");
  const ofKit = told.filter(({ words }) => words[0] === "redis-cluster-kit" || words[0] === "npx");

  it("are found", () => {
    expect(ofNpm.length).toBeGreaterThan(40);
    expect(ofKit.length).toBeGreaterThan(25);
  });

  it("of npm are scripts, tasks and benchmarks that exist", () => {
    const wrong = ofNpm.flatMap((each) => {
      const problem = npmProblem(each.words);
      return problem === undefined ? [] : [`${shown(each)}: ${problem}`];
    });
    expect(wrong).toEqual([]);
  });

  it("of redis-cluster-kit are commands with these options", async () => {
    const wrong: string[] = [];
    for (const each of ofKit) {
      const problem = await kitProblem(each.words);
      if (problem !== undefined) wrong.push(`${shown(each)}: ${problem}`);
    }
    expect(wrong).toEqual([]);
  });

  it("set keys of the configuration that exist", () => {
    const named = told.flatMap((each) => {
      const key = configKey(each.words);
      return key === undefined ? [] : [{ each, key }];
    });
    expect(named.length).toBeGreaterThan(8);
    const unknown = named.filter(({ key }) => !isKey(key));
    expect(unknown.map(({ each }) => shown(each))).toEqual([]);
  });

  it("would be noticed if they were not there", async () => {
    const keys = ["shards", "aws.hostKeys.bastion", "aws.hostKeys[shard-1-a]", "redis.maxmemory"];
    expect([...keys, "aws.region.x", "shard", "aws.hostKey.bastion"].filter(isKey)).toEqual(keys);
    expect(npmProblem(["npm", "run", "upp"])).toBe("no script upp");
    expect(npmProblem(["npm", "run", "bench", "loda"])).toBe("no benchmark loda");
    expect(await kitProblem(["npx", "redis-cluster-kit", "stauts"])).toBe("no command stauts");
    expect(await kitProblem(["redis-cluster-kit", "backup", "--too", "/b"])).toBe("no option --too");
    const [one, ...more] = commandsIn(
      "a.md",
      "Say `redis-cluster-kit watch --count 3 | cat`.\n```sh\nnpm run up # now\n```",
    );
    expect([one?.words.join(" "), ...more.map(({ words }) => words.join(" "))].sort()).toEqual([
      "npm run up",
      "redis-cluster-kit watch --count 3",
    ]);
  });
});
