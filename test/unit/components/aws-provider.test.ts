import { expect, test } from "vitest";
import { providerArgs } from "../../../components/aws/provider";

test("the stack's aws: configuration is passed on as the provider takes it, and the declared region wins", () => {
  const args = providerArgs("eu-central-1", {
    "aws:region": "us-east-1",
    "aws:profile": "12345",
    "aws:assumeRoles": '[{"roleArn":"arn:aws:iam::123456789012:role/ops"}]',
    "aws:allowedAccountIds": '["123456789012"]',
    "aws:skipCredentialsValidation": "true",
    "aws:maxRetries": "7",
    "redis-cluster-kit:aws": '{"region":"x"}',
    "awsx:profile": "somebody-else",
  });
  expect(args).toEqual({
    region: "eu-central-1",
    profile: "12345",
    assumeRoles: [{ roleArn: "arn:aws:iam::123456789012:role/ops" }],
    allowedAccountIds: ["123456789012"],
    skipCredentialsValidation: true,
    maxRetries: 7,
  });
});

test("a text that is no JSON stays as it is", () => {
  expect(providerArgs("eu-central-1", { "aws:defaultTags": "team" })).toEqual({
    region: "eu-central-1",
    defaultTags: "team",
  });
});
