/** This repository's stack: what `npm run up` brings to life. Configuration is in Pulumi.<stack>.yaml. */
import * as pulumi from "@pulumi/pulumi";
import { RedisCluster, stackArgs } from "./components";

const cluster = new RedisCluster("redis", stackArgs());

const passwordCommand = "npm run --silent pulumi -- stack output password --show-secrets";
const connect = cluster.connectWith(passwordCommand);

/** `host:port` of every node; any of them lets a cluster client in. */
export const endpoints = cluster.endpoints;
/** Secret. */
export const password = cluster.password;
/** Secret, with the keys to the servers in it. For `npx redis-cluster-kit status --declaration FILE` where the stack is not at hand. */
export const declaration = cluster.declaration;
/** Ready to paste; the code reads the password from REDISCLI_AUTH. `npm run --silent pulumi -- stack output python` prints one. */
export const redisCli = pulumi.interpolate`${connect.auth}; ${connect.redisCli}`;
export const python = connect.pythonRediscluster;
export const pythonRedis = connect.pythonRedis;
export const ioredis = connect.ioredis;
/** For Prometheus (file_sd); empty while monitoring is off. */
export const scrapeTargets = cluster.scrapeTargets;
/** Target aws: what an application there attaches to (docs/aws.md); empty elsewhere. */
export const network = pulumi
  .all([cluster.clientSecurityGroupId, cluster.vpcId, cluster.privateSubnetIds])
  .apply(([clientSecurityGroupId, vpcId, privateSubnetIds]) =>
    vpcId === "" ? {} : { clientSecurityGroupId, vpcId, privateSubnetIds },
  );
/** What one does next. */
export const next = {
  password: passwordCommand,
  look: "npx redis-cluster-kit status",
  change: `edit Pulumi.${pulumi.getStack()}.yaml, then npm run --silent pulumi -- preview, then npm run up`,
  stop: "npm run down (keeps the data)",
};
