/** What servers may do: with the place of their backups, and for a shell. */
import { expect, test } from "vitest";
import { backupPolicy, SESSION_POLICY } from "../../../components/aws/role";

const statements = (place: string) => JSON.stringify(backupPolicy(place));

test("servers write, read and list below the place, whatever its address says besides, and delete nothing", () => {
  for (const place of ["s3://bucket/redis/prod", "s3://bucket/redis/prod/?region=eu-west-1&sse=aws:kms"]) {
    const policy = statements(place);
    expect(policy).toContain('"Resource":"arn:aws:s3:::bucket/redis/prod/*"');
    expect(policy).toContain('"s3:prefix":"redis/prod/*"');
    expect(policy).not.toMatch(/Delete|kms/);
  }
  expect(statements("s3://bucket")).toContain('"Resource":"arn:aws:s3:::bucket/*"');
});

test.each([
  ["arn:aws:kms:eu-west-1:1:key/a", '"Resource":"arn:aws:kms:eu-west-1:1:key/a"'],
  ["1234-abcd", '"Resource":"arn:aws:kms:*:*:key/1234-abcd"'],
  ["alias/own", '"kms:RequestAlias":"alias/own"'],
])("a key of one's own, %s, may be used", (key, part) => {
  const policy = statements(`s3://bucket/redis?sse=aws:kms&kms-key=${key}`);
  expect(policy).toContain("kms:GenerateDataKey");
  expect(policy).toContain(part);
});

test("for a shell they may open its channels and say that they are there; no parameter or secret is read", () => {
  const actions = SESSION_POLICY.Statement.flatMap(({ Action }) => Action);
  expect(actions.sort()).toEqual([
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
  ]);
});
