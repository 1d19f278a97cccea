import * as pulumi from "@pulumi/pulumi";
import { RedisCluster } from "redis-cluster-kit";

const config = new pulumi.Config();

const cluster = new RedisCluster("cache", {
  shards: 3,
  basePort: config.getNumber("basePort") ?? 7000,
  password: config.requireSecret("password"),
  redis: { maxmemory: "64mb", "maxmemory-policy": "noeviction" },
});

export const endpoints = cluster.endpoints;
export const password = cluster.password;
/** Ready to paste; reads the password from REDISCLI_AUTH. */
export const ioredis = cluster.connect.ioredis;
