/** The backup timer of one server: program, settings, password file and units. */
import * as pulumi from "@pulumi/pulumi";
import type { KitConfig } from "../config";
import { version } from "../package.json";
import { type BackupPlan, backupScript } from "../templates/server/backup";
import { layOut } from "../topology";
import { runScript, type ScriptTarget, type ServerConnection } from "./server-connection";

export const SERVER_BACKUP_TYPE = "redis-cluster-kit:index:ServerBackup";

export interface ServerBackupArgs {
  /** When, where to, how many stay. A change is in force at once; Redis is not touched. */
  readonly plan: BackupPlan;
  readonly connection: ServerConnection;
  /** Secret. Redis's password; on the server it is in a file that root alone can read. */
  readonly password: pulumi.Input<string>;
  /** See `ProvisionedServerArgs`. */
  readonly serverId?: pulumi.Input<string>;
}

/**
 * Installs the timer and keeps it on. To be created after the cluster (`dependsOn`), whose nodes it asks. Every server has
 * one; the first whose Redis serves takes the backups. `ProvisionedServer` takes it away where it is declared no more.
 */
export class ServerBackup extends pulumi.ComponentResource {
  constructor(name: string, args: ServerBackupArgs, options: pulumi.ComponentResourceOptions = {}) {
    super(SERVER_BACKUP_TYPE, name, {}, options);
    const { plan, connection, password, serverId } = args;
    const target: ScriptTarget = {
      node: plan.node,
      connection,
      ...(serverId === undefined ? {} : { serverId }),
    };
    const script = pulumi.output(password).apply((text) => backupScript(plan, text));
    // A component's own dependencies do not reach its children by themselves.
    const after = options.dependsOn === undefined ? {} : { dependsOn: options.dependsOn };
    runScript(name, "backup", target, pulumi.secret(script), { parent: this, ...after });
    this.registerOutputs({});
  }
}

/** The timer of a node's server; undefined where no backups are declared. */
export function backupPlan(config: KitConfig, node: string): BackupPlan | undefined {
  const { backup, name, replicasPerShard } = config;
  if (backup === undefined) return undefined;
  const { to, schedule, retention } = backup;
  const nodes = layOut(config).nodes.map((each) => ({ name: each.name, host: each.host, port: each.port }));
  return {
    cluster: name,
    node,
    nodes,
    replicasPerShard,
    place: to,
    schedule,
    retention,
    kitVersion: version,
  };
}
