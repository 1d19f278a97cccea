/** Documents name systemd's units as the kit installs them: at night nobody wants to guess. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectFiles, ROOT, readProjectFile } from "../support/house/sources";

const SERVER = join(ROOT, "templates/server");

/** Names of all units that the scripts put on a server, with their endings. */
function installedUnits(): Set<string> {
  const scripts = readdirSync(SERVER).filter((file) => file.endsWith(".sh"));
  const shared = readFileSync(join(SERVER, "lib.sh"), "utf8");
  return new Set(
    scripts.flatMap((file) => {
      const text = `${shared}\n${readFileSync(join(SERVER, file), "utf8")}`;
      const variables = new Map(
        [...text.matchAll(/^(\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
      );
      const puts = text.matchAll(/\bput "?\/etc\/systemd\/system\/([^"\s]+)/g);
      return [...puts].map(([, unit = ""]) =>
        unit.replace(/\$(\w+)/, (_, name: string) => `${variables.get(name)}`),
      );
    }),
  );
}

/** Units that commands in a document's code name, as they are written there. */
function namedUnits(markdown: string): string[] {
  // A line of a block is a command; one in a sentence may go on in the next line.
  const code = [...markdown.matchAll(/```[^\n]*\n([\s\S]*?)```|`([^`]+)`/g)].flatMap(
    ([, block, word = ""]) => block?.split("\n") ?? [word],
  );
  return code.flatMap((text) => {
    const journals = [...text.matchAll(/\bjournalctl\b[^\n|;]*? -u (\S+)/g)].map(([, unit = ""]) => unit);
    const controls = [...text.matchAll(/\bsystemctl\s+([^|;#`]+)/g)].flatMap(([, rest = ""]) => {
      const [, ...words] = rest
        .trim()
        .split(/\s+/)
        .filter((word) => !word.startsWith("-"));
      return words;
    });
    return [...journals, ...controls];
  });
}

test("every unit that a document names is one that the kit puts on servers", () => {
  const units = installedUnits();
  expect([...units].sort()).toEqual([
    "redis-cluster-kit-backup.service",
    "redis-cluster-kit-backup.timer",
    "redis-cluster-kit-exporter.service",
    "redis-cluster-kit-kernel.service",
    "redis-cluster-kit.service",
  ]);
  const named = projectFiles([".md"]).flatMap((file) =>
    namedUnits(readProjectFile(file)).map((unit) => ({ file, unit })),
  );
  expect(named.length).toBeGreaterThan(6);
  expect(named.filter(({ unit }) => !units.has(unit) && !units.has(`${unit}.service`))).toEqual([]);
});
