/** How a part of the command line gets its commands to a cluster. */
import type { Command } from "commander";
import type { Answer } from "./answer";
import type { Target } from "./declaration";
import type { World } from "./world";

export interface Doors<Common> {
  /** Options of commands on a cluster. */
  readonly common: (command: Command) => Command;
  readonly onCluster: <Options>(
    body: (target: Target, options: Options, world: World) => Promise<Answer>,
    options: Options & Common,
  ) => Promise<void>;
}
