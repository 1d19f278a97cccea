import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
/** organization/project/stack */
const cluster = new pulumi.StackReference(config.get("stack") ?? "organization/shop-typescript/dev");

/** What examples/apps read; the password stays a secret on its way. */
export const environment = {
  REDIS_NODES: cluster.requireOutput("endpoints").apply((endpoints: string[]) => endpoints.join(",")),
  REDISCLI_AUTH: cluster.requireOutput("password"),
};
