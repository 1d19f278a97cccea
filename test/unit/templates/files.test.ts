/** Every file in templates/ is used, and uses nothing that is not filled. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultDirectives } from "../../../config/defaults";
import { LINES } from "../../../config/directives";
import { renderRedisConf } from "../../../templates/render";

const FOLDER = join(__dirname, "../../../templates");
const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" });
const templates = files.filter((file) => file.endsWith(".tmpl"));
const code = files
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(join(FOLDER, file), "utf8"));

describe("templates", () => {
  test.each(templates)("%s is named by the code that renders it", (file) => {
    expect(code.some((text) => text.includes(`"${file}"`) || text.includes(`"${basename(file)}"`))).toBe(
      true,
    );
  });

  test("every directive placeholder of redis.conf has a default in some line", () => {
    const template = readFileSync(join(FOLDER, "redis.conf.tmpl"), "utf8");
    const placed = [...template.matchAll(/^(\S+) \{\{directive\}\}$/gm)].map(([, name]) => name);
    const defaults = new Set(LINES.flatMap((line) => Object.keys(defaultDirectives(`${line}.0`))));
    expect(new Set(placed)).toEqual(defaults);
  });

  test("nothing of the template's own syntax is left in a rendered file", () => {
    const node = { name: "shard-1-a", host: "127.0.0.1", port: 7000, dir: "/data" };
    for (const line of LINES) {
      const conf = renderRedisConf(node, { ...defaultDirectives(`${line}.0`), hz: "10" }, { password: "x" });
      expect(conf).not.toMatch(/\{\{|\}\}|undefined/);
    }
  });
});
