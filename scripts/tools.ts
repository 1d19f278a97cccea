import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./pulumi";

/** Path of a program's JavaScript file in node_modules. */
export function tool(file: string): string {
  return join(ROOT, "node_modules", file);
}

/** Runs this Node with `args` in the project's folder and our terminal; resolves to its exit code. */
export function runNode(args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: "inherit" });
  // Ctrl-C reaches the child by itself; ending before it would lose its last words and its exit code.
  const wait = () => undefined;
  process.on("SIGINT", wait);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      process.off("SIGINT", wait);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}
