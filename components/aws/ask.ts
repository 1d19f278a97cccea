/** Questions to AWS, and why there was no answer: each cause has a cure of its own. */
import { problem, RefusedDeclaration } from "./refused";

export interface Question {
  /** What is asked about, as the user knows it: "aws.ami: ami-0123456789abcdef0". */
  readonly what: string;
  /** The permission that it takes, e.g. "ec2:DescribeImages". */
  readonly action: string;
  /** Where AWS knows no such thing: what it was to be, and what to do. */
  readonly missing: { readonly expected: string; readonly cure: string };
}

export type Cause = "missing" | "permission" | "credentials" | "network" | "other";

/** Words of AWS's error codes, of its SDKs, and of what lies in between; the first that fits counts. */
const CAUSES: readonly (readonly [Cause, RegExp])[] = [
  ["credentials", /assume (IAM )?role|sts:AssumeRole/i],
  ["permission", /UnauthorizedOperation|AccessDenied|not authorized to perform/i],
  [
    "credentials",
    /credential|AuthFailure|InvalidClientTokenId|UnrecognizedClient|ExpiredToken|RequestExpired|SignatureDoesNotMatch|InvalidAccessKeyId|SSO (session|token)/i,
  ],
  [
    "missing",
    /\.NotFound|\.Malformed|InvalidInstanceType|returned no results|no matching|empty result|couldn't find|(does|do) not exist/i,
  ],
  [
    "network",
    /no such host|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|dial tcp|timed? ?out|connection refused/i,
  ],
];

/** One question without an answer. */
export class NoAnswer extends RefusedDeclaration {
  constructor(
    readonly reason: Cause,
    text: string,
  ) {
    super([text]);
  }
}

/** @throws NoAnswer with the cause and its cure. */
export async function ask<Answer>(question: Question, answer: () => Promise<Answer>): Promise<Answer> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof RefusedDeclaration) throw error;
    const said = saidBy(error);
    const cause = causeOf(said);
    throw new NoAnswer(cause, describe(cause, question, said));
  }
}

export function causeOf(said: string): Cause {
  return CAUSES.find(([, words]) => words.test(said))?.[0] ?? "other";
}

/** All that was asked at once. @throws RefusedDeclaration with every problem, a cause that they share told once. */
export async function askAll<Answers extends readonly unknown[]>(
  questions: {
    readonly [Index in keyof Answers]: Promise<Answers[Index]>;
  },
): Promise<Answers> {
  const settled = await Promise.allSettled<unknown>(questions);
  const failures = settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
  const strange = failures.find((failure) => !(failure instanceof RefusedDeclaration));
  if (strange !== undefined) throw strange;
  const refused = failures.filter((failure) => failure instanceof RefusedDeclaration);
  const shared = refused.find((each) => each instanceof NoAnswer && isShared(each.reason));
  if (shared !== undefined) throw shared;
  if (refused.length > 0)
    throw new RefusedDeclaration([...new Set(refused.flatMap(({ problems }) => problems))]);
  return Promise.all(questions) as unknown as Promise<Answers>;
}

function isShared(cause: Cause): boolean {
  return cause === "credentials" || cause === "network";
}

/** Without Pulumi's own words around it. */
function saidBy(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^Invocation of \S+ returned an error: /i, "").trim();
}

function describe(cause: Cause, { what, action, missing }: Question, said: string): string {
  switch (cause) {
    case "missing":
      return problem(`${what}: AWS does not know it (${said})`, missing.expected, missing.cure);
    case "permission":
      return problem(
        `${what}: AWS may not be asked (${said})`,
        `the permission ${action} for whoever runs Pulumi`,
        `add ${action} to the role or user that runs Pulumi, or run it as another one (AWS_PROFILE)`,
      );
    case "credentials":
      return problem(
        `AWS could not be asked: ${said}`,
        "credentials that are valid now",
        "give Pulumi credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, or a role) for the account of the cluster, or renew them, then run it again",
      );
    case "network":
      return problem(
        `AWS could not be reached: ${said}`,
        "AWS of the declared region, reached from here",
        "look whether aws.region is one that exists and whether this machine reaches it (proxy, DNS), then run it again",
      );
    case "other":
      return problem(
        `${what}: AWS gave no answer (${said})`,
        "an answer",
        "do what its message says; where it is a passing fault (throttling, an outage), run it again",
      );
  }
}
