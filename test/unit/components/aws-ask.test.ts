/** Why AWS gave no answer, in the words of its errors. */
import { describe, expect, test } from "vitest";
import { ask, askAll, type Cause, causeOf, NoAnswer } from "../../../components/aws/ask";
import { RefusedDeclaration } from "../../../components/aws/refused";

const API = "operation error EC2: DescribeX, https response error StatusCode: 400, RequestID: 1, api error";

const QUESTION = {
  what: "aws.ami: ami-0123",
  action: "ec2:DescribeImages",
  missing: { expected: "an image", cure: "correct aws.ami" },
};

function refusal(asked: Promise<unknown>): Promise<RefusedDeclaration> {
  return asked.then(
    () => {
      throw new Error("it was answered");
    },
    (error: unknown) => {
      if (error instanceof RefusedDeclaration) return error;
      throw error;
    },
  );
}

const failing = (message: string, what = QUESTION.what) =>
  ask({ ...QUESTION, what }, () => Promise.reject(new Error(message)));

describe("a cause", () => {
  test.each<[Cause, string]>([
    ["missing", "Your query returned no results. Please change your search criteria and try again."],
    ["missing", `${API} InvalidSubnetID.NotFound: The subnet ID 'subnet-0f' does not exist`],
    ["missing", `${API} InvalidAMIID.Malformed: Invalid id: "ami-0"`],
    [
      "missing",
      `${API} InvalidInstanceType: The following supplied instance types do not exist: [x9q.large]`,
    ],
    ["permission", `${API} UnauthorizedOperation: You are not authorized to perform this operation.`],
    [
      "permission",
      `${API} AccessDeniedException: User: arn:aws:iam::1:user/x is not authorized to perform: ec2:X`,
    ],
    ["credentials", "No valid credential sources found"],
    [
      "credentials",
      "failed to refresh cached credentials, no EC2 IMDS role found, dial tcp 169.254.169.254:80: i/o timeout",
    ],
    ["credentials", `${API} AuthFailure: AWS was not able to validate the provided access credentials`],
    ["credentials", "ExpiredToken: The security token included in the request is expired"],
    ["credentials", "Cannot assume IAM Role. AccessDenied: not authorized to perform: sts:AssumeRole"],
    ["network", "dial tcp: lookup ec2.eu-central-9.amazonaws.com: no such host"],
    ["network", "getaddrinfo ENOTFOUND ec2.eu-central-9.amazonaws.com"],
    ["other", `${API} RequestLimitExceeded: Request limit exceeded.`],
  ])("%s: %s", (cause, said) => {
    expect(causeOf(said)).toBe(cause);
  });

  test.each<[string, RegExp]>([
    [
      "Your query returned no results.",
      /aws\.ami: ami-0123: AWS does not know it[\s\S]*cure: +correct aws\.ami/,
    ],
    ["UnauthorizedOperation", /aws\.ami: ami-0123: AWS may not be asked[\s\S]*cure: +add ec2:DescribeImages/],
    [
      "No valid credential sources found",
      /AWS could not be asked: [\s\S]*give Pulumi credentials \(AWS_PROFILE/,
    ],
    ["no such host", /AWS could not be reached[\s\S]*aws\.region/],
    ["RequestLimitExceeded", /gave no answer \(RequestLimitExceeded\)[\s\S]*run it again/],
  ])("has a cure of its own: %s", async (said, expected) => {
    const { message } = await refusal(failing(said));
    expect(message).toMatch(expected);
    expect(message).toContain("nothing was changed");
    if (!said.includes("credential")) expect(message).not.toContain("AWS_ACCESS_KEY_ID");
  });

  test("is told in AWS's words, without those of Pulumi around them", async () => {
    const said = "Invocation of aws:ec2/getAmi:getAmi returned an error: Your query returned no results.";
    expect((await refusal(failing(said))).message).toContain("(Your query returned no results.)");
  });
});

describe("several questions", () => {
  test("are answered in their order", async () => {
    expect(await askAll([Promise.resolve(1), Promise.resolve("two")])).toEqual([1, "two"]);
  });

  test("tell all their problems at once, and each once", async () => {
    const zones = failing("UnauthorizedOperation", "zones");
    const image = failing("returned no results");
    const { problems } = await refusal(askAll([zones, zones, image]));
    expect(problems.map((each) => each.split(":")[0])).toEqual(["zones", "aws.ami"]);
  });

  test("tell one cause that they share: without credentials nothing can be asked", async () => {
    const asked = askAll([
      failing("No valid credential sources found"),
      failing("credentials: none", "zones"),
    ]);
    const refused = await refusal(asked);
    expect(refused).toBeInstanceOf(NoAnswer);
    expect(refused.problems).toHaveLength(1);
  });

  test("hide no fault of the program", async () => {
    await expect(
      askAll([Promise.reject(new TypeError("of the test")), failing("no results")]),
    ).rejects.toThrow(TypeError);
  });
});
