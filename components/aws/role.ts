/** What the servers themselves may do in AWS: nothing but their own backups, and Session Manager where it is the way in. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config";
import { loadAws } from "./sdk";
import { tagsOf } from "./tags";

export interface RoleArgs {
  readonly clusterName: string;
  readonly settings: AwsSettings;
  /** Where backups go; only s3://bucket/prefix needs a right. */
  readonly backupsTo: string | undefined;
}

export class AwsRole extends pulumi.ComponentResource {
  readonly instanceProfileName: pulumi.Output<string>;

  constructor(
    name: string,
    { clusterName, settings, backupsTo }: RoleArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("redis-cluster-kit:index:AwsRole", name, {}, options);
    const { iam } = loadAws();
    const tags = tagsOf({ clusterName, tags: settings.tags }, name);
    const child = { parent: this };
    const role = new iam.Role(
      name,
      { assumeRolePolicy: JSON.stringify(TRUST), description: `Servers of ${clusterName}`, tags },
      child,
    );
    if (settings.sessionManager)
      new iam.RolePolicy(
        `${name}-session-manager`,
        { role: role.name, policy: JSON.stringify(SESSION_POLICY) },
        child,
      );
    if (backupsTo?.startsWith("s3://"))
      new iam.RolePolicy(
        `${name}-backups`,
        { role: role.name, policy: JSON.stringify(backupPolicy(backupsTo)) },
        child,
      );
    this.instanceProfileName = new iam.InstanceProfile(name, { role: role.name, tags }, child).name;
    this.registerOutputs({ instanceProfileName: this.instanceProfileName });
  }
}

const TRUST = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ec2.amazonaws.com" } }],
};

/**
 * What the agent needs for a shell, and no more: AWS's own policy for it (AmazonSSMManagedInstanceCore) lets a server read every
 * parameter of the account. None of these actions knows a resource.
 */
export const SESSION_POLICY = {
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Action: [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      Resource: "*",
    },
  ],
};

/** Write, read and list below the place of the backups. Deleting old ones is the bucket's lifecycle rule, not a server's right. */
export function backupPolicy(place: string): object {
  // What follows the question mark says how to write there, and is no part of the name.
  const [where = "", query = ""] = place.slice("s3://".length).split("?");
  const [bucket = "", ...folders] = where.replace(/\/+$/, "").split("/");
  const key = new URLSearchParams(query).get("kms-key");
  const arn = `arn:aws:s3:::${bucket}`;
  const prefix = folders.map((folder) => `${folder}/`).join("");
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"],
        Resource: `${arn}/${prefix}*`,
      },
      {
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: arn,
        Condition: { StringLike: { "s3:prefix": `${prefix}*` } },
      },
      ...(key === null ? [] : [keyStatement(key)]),
    ],
  };
}

/** Without these two S3 takes no object that is encrypted by a key of one's own. */
function keyStatement(key: string): object {
  const use = { Effect: "Allow", Action: ["kms:GenerateDataKey", "kms:Decrypt"] };
  if (key.startsWith("alias/"))
    return {
      ...use,
      Resource: "arn:aws:kms:*:*:key/*",
      Condition: { StringEquals: { "kms:RequestAlias": key } },
    };
  return { ...use, Resource: key.startsWith("arn:") ? key : `arn:aws:kms:*:*:key/${key}` };
}
