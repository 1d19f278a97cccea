import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { endLeftovers } from "../../../scripts/vitest";
import { freePorts } from "../../support/ports";

/** As a server of a test is: a process that listens and does not end by itself. */
async function server(port: number) {
  const code = `require("node:net").createServer().listen(${port}, "127.0.0.1", () => console.log("listens"))`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

it("what an interrupted run has left listening on its ports is ended, and nobody else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "redis-cluster-kit-leftovers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [own = 0, unused = 0, foreign = 0] = await freePorts(3);
  const [left, others] = [await server(own), await server(foreign)];
  const file = join(folder, "ports");
  writeFileSync(file, `${own}\n${unused}\n`);
  const ended = once(left, "exit");
  await endLeftovers(file);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect([others.exitCode, others.signalCode]).toEqual([null, null]);
});
