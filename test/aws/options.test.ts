/** What a stack may say in the options of `RedisCluster` on target aws, its provider for AWS among them. */
import * as aws from "@pulumi/aws";
import { describe, expect, test } from "vitest";
import { ofTypes, providersOf, requestsWith, testOptions } from "../support/component-options";
import { prod } from "./support/prod";

/** With the target's own protection off, so that what is seen is the option's. */
const ARGS = prod({ allowDestroy: true });

describe("on target aws", () => testOptions(ARGS, 100));

describe("providers", () => {
  const ours = () => new aws.Provider("ours", { region: "eu-central-1" });

  test("without one for AWS, one is made for the declared region", async () => {
    const requests = await requestsWith(ARGS, () => ({}));
    const [made] = ofTypes(requests, "pulumi:providers:aws");
    expect(made?.getObject()?.toJavaScript()).toMatchObject({ region: "eu-central-1" });
    expect(providersOf(ofTypes(requests, "aws:"))).toEqual(["aws redis"]);
  });

  test.each([
    ["in a list", () => ({ providers: [ours()] })],
    ["by name", () => ({ providers: { aws: ours() } })],
    ["as `provider`", () => ({ provider: ours() })],
  ])("a given one for AWS, %s, is used for all of AWS, and none is made", async (_how, options) => {
    const requests = await requestsWith(ARGS, options);
    const providers = ofTypes(requests, "pulumi:providers:aws");
    expect(providers.map((request) => request.getName())).toEqual(["ours"]);
    const used = ofTypes(requests, "aws:");
    expect(used.length).toBeGreaterThan(60);
    expect(providersOf(used)).toEqual(["aws ours"]);
  });
});
