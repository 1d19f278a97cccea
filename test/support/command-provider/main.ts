/**
 * Not the real plugin of @pulumi/command: a stand-in for tests, where that cannot be had. It follows the real one's source
 * (1.2.1, pulumi-command/provider/pkg/provider/remote) in what matters to a program:
 * - create runs `create`; a change of any input, `connection` included, runs `update`, or `create` where there is none;
 *   changed `triggers` replace; refresh looks at nothing; delete runs `delete` where there is one;
 * - `stdin` goes to the command; `environment` and earlier output are asked for as ssh environment, which sshd mostly drops;
 * - dialling is tried dialErrorLimit times, perDialTimeout s each, with growing pauses; through `proxy` in two hops; `hostKey`
 *   is compared where it is given, and any is taken where it is not;
 * - output is logged while it comes, as `logging` says; a failed command's error repeats command and output;
 * - secret inputs stay secret in the state;
 * - CopyToRemote copies a file by sftp when its content or its path changes.
 * Not followed: local commands, directories in CopyToRemote, text assets.
 */
import { EngineLog } from "../../../provider/engine-log";
import { serve } from "../../../provider/server";
import { commandOperations, copyOperations } from "./operations";

/** As the real plugin calls itself. */
const VERSION = "1.2.1";

async function main(args: readonly string[]): Promise<void> {
  const last = args.at(-1);
  const log = new EngineLog(last?.startsWith("-") === false ? last : undefined);
  const served = await serve({
    version: VERSION,
    resources: {
      "command:remote:Command": commandOperations(log),
      "command:remote:CopyToRemote": copyOperations(log),
    },
    schema: () => JSON.stringify({ name: "command", version: VERSION }),
    redact: (text) => text,
    flush: () => log.flush(),
    onCancel: () => process.exit(0),
    onAttach: (address) => log.attach(address),
  });
  process.stdout.write(`${served.port}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
