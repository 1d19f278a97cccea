import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./pulumi";
import { exitCodeOf } from "./signals";

/** Path of a program's JavaScript file in node_modules. */
export function tool(file: string): string {
  return join(ROOT, "node_modules", file);
}

/** Runs this Node with `args` in the project's folder and our terminal; resolves to its exit code. */
export function runNode(args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return exitCodeOf(spawn(process.execPath, args, { cwd: ROOT, env, stdio: "inherit" }));
}
