/** Where the runbook is: in docs/ of the repository, and of the package beside its templates. */
import { join } from "node:path";

/** Absolute path. */
export const RUNBOOK_FILE = join(__dirname, "../../docs/runbook.md");
