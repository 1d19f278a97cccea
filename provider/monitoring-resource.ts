/** `LocalMonitoring` as programs see it. The provider plugin itself never loads this file. */
import * as pulumi from "@pulumi/pulumi";
import type { DeclaredMonitoring } from "./monitoring-declaration";
import { withVersion } from "./plugin-version";
import { type DeclaredNode, LOCAL_MONITORING_TYPE } from "./types";

export interface LocalMonitoringArgs {
  /** Name of the cluster. */
  readonly name: string;
  /** The cluster's; the processes' files are in a folder of their own below it. */
  readonly dataDirectory: string;
  /** Address that Prometheus listens on. */
  readonly host: string;
  readonly nodes: readonly DeclaredNode[];
  readonly monitoring: DeclaredMonitoring;
  /** Secret. Of the nodes. */
  readonly password: pulumi.Input<string>;
}

/** Exporters of a cluster's nodes on this machine, and a Prometheus where one is declared. */
export class LocalMonitoring extends pulumi.CustomResource {
  /** `host:port` of every exporter. */
  declare readonly targets: pulumi.Output<string[]>;
  /** Address of Prometheus; "" without one. */
  declare readonly prometheus: pulumi.Output<string>;

  constructor(name: string, args: LocalMonitoringArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = { targets: undefined, prometheus: undefined };
    super(LOCAL_MONITORING_TYPE, name, { ...args, ...outputs }, withVersion(options));
  }
}
