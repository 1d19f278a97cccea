/** How a declaration that does not go with AWS is refused. */
import * as pulumi from "@pulumi/pulumi";

/** Shown by Pulumi as it is, without a stack trace. */
export class RefusedDeclaration extends pulumi.RunError {
  constructor(readonly problems: readonly string[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(
      `The declaration does not go with AWS: ${count}; nothing was changed.\n${problems.map((each) => `  ${each}`).join("\n")}`,
    );
    this.stack = this.message;
  }
}

/** One of its problems. */
export function problem(what: string, expected: string, cure: string): string {
  return `${what}\n    expected: ${expected}\n    cure:     ${cure}`;
}
