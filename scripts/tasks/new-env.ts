import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../install/errors";
import { reportToStderr as report } from "../../install/progress";
import { ensurePassword } from "../password";
import { ensureStack, prepareTools } from "../prepare";
import { ROOT } from "../pulumi";
import { readStackFile } from "../stack";

/** What an environment begins with, by target: a stack file of this repository, without its secrets. */
const TEMPLATES = { local: "dev", ssh: "staging", aws: "prod" } as const;

type Target = keyof typeof TEMPLATES;

const USAGE = "npm run new-env -- NAME [--target local|ssh|aws]";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * `npm run new-env NAME [-- --target TARGET]`: makes Pulumi.NAME.yaml, commented, with a new password as a secret, and the stack to
 * it. Changes nothing else; `npm run up -- --stack NAME` brings it to life. Refuses a name that is taken.
 */
export async function main(args: string[]): Promise<number> {
  const { name, target } = parse(args);
  const file = join(ROOT, `Pulumi.${name}.yaml`);
  if (existsSync(file))
    throw new UserError(`Pulumi.${name}.yaml is there already`, "Choose another name, or edit that file.");
  const text = stackFile(target);
  const { env } = await prepareTools(undefined, () => undefined);
  writeNew(file, text, () => {
    ensureStack(name, env);
    ensurePassword(name, readStackFile(name), env, report);
  });
  report(`Pulumi.${name}.yaml: target ${target}. Edit it, then \`npm run up -- --stack ${name}\`.`);
  return 0;
}

/** Writes the file for `work`, and takes it away again where that fails: left behind, it would refuse the next attempt. */
export function writeNew(file: string, text: string, work: () => void): void {
  writeFileSync(file, text, { flag: "wx" });
  try {
    work();
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}

function parse(args: readonly string[]): { name: string; target: Target } {
  const at = args.findIndex((arg) => arg === "--target" || arg.startsWith("--target="));
  const option = at === -1 ? undefined : args[at];
  const value = option === undefined ? "local" : (option.split("=", 2)[1] ?? args[at + 1] ?? "");
  const valueAt = option === "--target" ? at + 1 : -1;
  const [name, ...more] = args.filter((_, index) => index !== at && index !== valueAt);
  if (name === undefined || more.length > 0) throw new UserError("One name is needed", USAGE);
  if (!NAME.test(name))
    throw new UserError(
      `"${name}" is no name for a stack`,
      "1 to 63 letters, digits, dots, dashes, underscores.",
    );
  if (!Object.hasOwn(TEMPLATES, value))
    throw new UserError(`"${value}" is no target`, `One of ${Object.keys(TEMPLATES).join(", ")}. ${USAGE}`);
  return { name, target: value as Target };
}

/** The example's text. Its secrets are of another stack: they could not be read with the new one's key. */
export function stackFile(target: Target): string {
  const example = join(ROOT, `Pulumi.${TEMPLATES[target]}.yaml`);
  if (!existsSync(example))
    throw new UserError(`There is no Pulumi.${TEMPLATES[target]}.yaml to begin with`, "Restore it from git.");
  return withoutSecrets(readFileSync(example, "utf8"));
}

/** Every `key:` whose value is `secure: ...` goes, and what Pulumi wrote to encrypt with. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/^(encryptionsalt|encryptedkey|secretsprovider):.*\n/gm, "")
    .replace(/^ +[\w:.-]+:\s*\n +secure:.*\n/gm, "");
}
