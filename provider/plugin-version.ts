/** How resources of this package find their plugin. */
import type * as pulumi from "@pulumi/pulumi";
import { version } from "../package.json";

/**
 * The engine gives a default provider whatever the stack's configuration has under its package's name. Here the project has that name as
 * well, and without a version the engine takes a key `name` for the plugin's: `redis-cluster-kit:name: shop` would look for a plugin "shop".
 */
export function withVersion(options: pulumi.CustomResourceOptions | undefined): pulumi.CustomResourceOptions {
  return { version, ...options };
}
