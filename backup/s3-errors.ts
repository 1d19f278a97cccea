/** Errors of S3 as people need them. */
import { BackupFailedError } from "./errors";

const CURES: readonly { readonly pattern: RegExp; readonly text: string }[] = [
  {
    pattern: /NoSuchBucket|NotFound|\b404\b/,
    text: "there is no such bucket. Create it, or correct the name",
  },
  {
    pattern: /AccessDenied|Forbidden|\b403\b|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken/,
    text: "access denied. Backups need s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads there",
  },
  {
    pattern: /CredentialsProviderError|Could not load credentials/,
    text: "no AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where an instance role is",
  },
  {
    pattern: /Region is missing/,
    text: "no region is known. Set AWS_REGION, or add ?region=eu-central-1 to the address",
  },
  {
    pattern: /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|TimeoutError|EAI_AGAIN/,
    text: "S3 cannot be reached from here. Look at the network, and at AWS_ENDPOINT_URL where it is set",
  },
];

export function explainS3(error: unknown, where: string): Error {
  if (error instanceof BackupFailedError) return error;
  const name = error instanceof Error ? error.name : "";
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const cure = CURES.find(({ pattern }) => pattern.test(`${name} ${code} ${message} ${statusOf(error)}`));
  return new BackupFailedError(
    `${where}: ${cure?.text ?? "S3 refused"} (${[name, code, message].filter(Boolean).join(" ")}).`,
    {
      cause: error,
    },
  );
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && error.name === "NoSuchKey";
}

function statusOf(error: unknown): string {
  const metadata = error instanceof Error && "$metadata" in error ? error.$metadata : undefined;
  const status =
    typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata
      ? metadata.httpStatusCode
      : "";
  return String(status);
}
