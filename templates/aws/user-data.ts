/** cloud-init's configuration of the servers, from the files beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Login user of every server and of the bastion. */
export const SERVER_USER = "redis-cluster-kit";

const NODE = readFileSync(join(__dirname, "user-data.yaml.tmpl"), "utf8");
const BASTION = readFileSync(join(__dirname, "bastion.yaml.tmpl"), "utf8");

export interface NodeUserData {
  readonly cluster: string;
  readonly node: string;
  /** Id of the data volume, e.g. "vol-0123456789abcdef0". */
  readonly volumeId: string;
  /** One line as in authorized_keys. */
  readonly publicKey: string;
}

export function nodeUserData({ cluster, node, volumeId, publicKey }: NodeUserData): string {
  // The device's name has the id without its dash.
  const volume = volumeId.replace("-", "");
  return fill(NODE, { cluster, node, volume, publicKey: JSON.stringify(publicKey), user: SERVER_USER });
}

export function bastionUserData({ cluster, publicKey }: Pick<NodeUserData, "cluster" | "publicKey">): string {
  const only = JSON.stringify(`restrict,port-forwarding ${publicKey}`);
  return fill(BASTION, { cluster, only, user: SERVER_USER });
}

/** @throws Error for a place without a value: a template and its code that went apart. */
function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template has a place for ${name}, and nothing fills it`);
    return value;
  });
}
