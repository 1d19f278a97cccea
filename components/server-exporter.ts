/** The exporter of one server: program, password file and unit. */
import * as pulumi from "@pulumi/pulumi";
import { type ExporterPlan, exporterScript } from "../templates/server/scripts";
import { runScript, type ScriptTarget, type ServerConnection } from "./server-connection";

export const SERVER_EXPORTER_TYPE = "redis-cluster-kit:index:ServerExporter";

export interface ServerExporterArgs {
  /** Where it listens, who may ask it, where it comes from. A change restarts the exporter; Redis is not touched. */
  readonly plan: ExporterPlan;
  readonly connection: ServerConnection;
  /** Secret. Redis's password; on the server it is in a file that root alone can read. */
  readonly password: pulumi.Input<string>;
  /** See `ProvisionedServerArgs`. */
  readonly serverId?: pulumi.Input<string>;
}

/**
 * Installs the exporter and keeps it running. To be created after the cluster (`dependsOn`): a new password is then known to
 * Redis before the exporter gets it.
 */
export class ServerExporter extends pulumi.ComponentResource {
  constructor(name: string, args: ServerExporterArgs, options: pulumi.ComponentResourceOptions = {}) {
    super(SERVER_EXPORTER_TYPE, name, {}, options);
    const { plan, connection, password, serverId } = args;
    const target: ScriptTarget = {
      node: plan.node,
      connection,
      ...(serverId === undefined ? {} : { serverId }),
    };
    const script = pulumi.output(password).apply((text) => exporterScript(plan, text));
    // A component's own dependencies do not reach its children by themselves.
    const after = options.dependsOn === undefined ? {} : { dependsOn: options.dependsOn };
    runScript(name, "exporter", target, pulumi.secret(script), { parent: this, ...after });
    this.registerOutputs({});
  }
}
