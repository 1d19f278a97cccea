/** What must not come up, and what is left of it: nothing. */
import { createServer, type Server } from "node:net";
import { describe, expect, test } from "vitest";
import { Stack } from "./support/stack";

/** Some other program that is no Redis. */
function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

describe("what cannot come up", () => {
  test("a port of another program: the error names both, nothing is left running", async () => {
    await Stack.with({}, async (stack) => {
      const taken = (stack.ports[0] ?? 0) + 4;
      const server = await listen(taken);
      const up = await stack.up();
      server.close();
      expect(up.code).not.toBe(0);
      expect(up.output).toContain(String(taken));
      expect(up.output, "the holder is this test").toContain(String(process.pid));
      expect(await stack.running()).toEqual(new Map());

      const again = await stack.up();
      expect(again.code, again.output).toBe(0);
      await stack.expectHealthy(stack.ports[0] ?? 0);
    });
  });

  test("bad configuration: every problem is named, without a stack trace, and nothing is started", async () => {
    const config = { shards: "2", zones: "a,a", dataDirectory: "relative/path" };
    await Stack.with({ config }, async (stack) => {
      await stack.must("config", "set", "--path", "redis.maxmemroy", "64mb");
      const up = await stack.up();
      expect(up.code).not.toBe(0);
      for (const property of ["shards", "zones", "dataDirectory", "redis.maxmemroy"])
        expect(up.output).toContain(`  ${property}: `);
      expect(up.output).not.toMatch(/^\s+at .*[(:]\d+/m);
      expect(up.output).not.toContain("unhandled");
      expect(await stack.running()).toEqual(new Map());
    });
  });

  test("a missing password is told with its cure", async () => {
    await Stack.with({}, async (stack) => {
      await stack.must("config", "rm", "password");
      const up = await stack.up();
      expect(up.code).not.toBe(0);
      expect(up.output).toContain("pulumi config set --secret password");
      expect(await stack.running()).toEqual(new Map());
    });
  });

  test("a bad password is refused without being shown", async () => {
    await Stack.with({ password: "short7!" }, async (stack) => {
      const up = await stack.up();
      expect(up.code).not.toBe(0);
      expect(up.output).toMatch(/password/);
      expect(up.output).not.toContain("short7!");
      expect(await stack.running()).toEqual(new Map());
    });
  });
});
