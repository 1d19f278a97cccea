/** One server made ready for one node: what lands on it, and nothing of the cluster itself. */
import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import {
  configureScript,
  installScript,
  preflightScript,
  type ServerPlan,
} from "../templates/server/scripts";
import { copyArchive, placeArchive, type RedisArchive } from "./server-archive";
import {
  runScript,
  type ScriptTarget,
  type ServerConnection,
  type ServerWarning,
  warningsIn,
} from "./server-connection";

export const PROVISIONED_SERVER_TYPE = "redis-cluster-kit:index:ProvisionedServer";

/** Plain values decide what is done; where and how the server is reached may only be known during the update. */
export interface ProvisionedServerArgs {
  /** What the server is to be: cluster, node, version, port, memory. A change runs the scripts again; they change what differs. */
  readonly plan: ServerPlan;
  readonly connection: ServerConnection;
  /** Where Redis comes from. @default the official tarball, fetched by the server */
  readonly archive?: RedisArchive;
  /**
   * Anything whose change means another machine under the same address (a cloud's instance id): everything runs again.
   * @example instance.id
   */
  readonly serverId?: pulumi.Input<string>;
  /**
   * Checks (`checkServer`) that must have passed before this server is changed: those of all servers of a cluster, so that
   * one bad server is found before anything is changed on any. @default a check of this server, made here
   */
  readonly checks?: readonly remote.Command[];
}

/** Whether a server can be the node, as a resource of its own: it changes nothing there. */
export function checkServer(
  name: string,
  args: Pick<ProvisionedServerArgs, "plan" | "connection" | "serverId">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  return runScript(name, "check", targetOf(args), preflightScript(args.plan), options);
}

/**
 * Checks a server, installs Redis and puts user, folders, kernel settings and units in place. Never writes redis.conf and
 * never starts, stops or restarts Redis: that is the engine's, one node at a time. Deleting it changes nothing on the server.
 */
export class ProvisionedServer extends pulumi.ComponentResource {
  /** What could not be set, with the reason. */
  readonly warnings: pulumi.Output<ServerWarning[]>;
  /** The last step: whoever uses the server depends on it. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: ProvisionedServerArgs, options: pulumi.ComponentResourceOptions = {}) {
    super(PROVISIONED_SERVER_TYPE, name, {}, options);
    const { plan, archive } = args;
    const target = targetOf(args);
    // A component's own dependencies do not reach its children by themselves.
    const first = {
      parent: this,
      ...(options.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }),
    };
    const checks = args.checks ?? [checkServer(name, args, first)];
    const checked = pulumi.mergeOptions(first, { dependsOn: [...checks] });
    const place = placeArchive(plan, archive ?? {});
    const copied = copyArchive(name, place, target, checked);
    const beforeInstall =
      copied === undefined ? checked : pulumi.mergeOptions(checked, { dependsOn: [copied] });
    const installed = runScript(
      name,
      "install",
      target,
      installScript(plan, place, place.flags),
      beforeInstall,
    );
    const configured = runScript(name, "configure", target, configureScript(plan), {
      parent: this,
      dependsOn: [installed],
    });
    this.ready = configured;
    const own = args.checks === undefined ? checks : [];
    this.warnings = pulumi
      .all([...own, installed, configured].map(({ stdout }) => stdout))
      .apply((outputs) => outputs.flatMap((text) => warningsIn(text ?? "")));
    this.registerOutputs({});
  }
}

function targetOf({
  plan,
  connection,
  serverId,
}: Pick<ProvisionedServerArgs, "plan" | "connection" | "serverId">): ScriptTarget {
  return { node: plan.node, connection, ...(serverId === undefined ? {} : { serverId }) };
}
