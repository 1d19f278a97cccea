/** Uploads to S3 that never ended: they cost money and are seen by nobody. */
import * as s3 from "@aws-sdk/client-s3";
import { isIdOf } from "./manifest";
import { explainS3 } from "./s3-errors";
import type { Bucket } from "./s3-place";

/** Ends those of the cluster that were begun before that Unix time in ms; tells which. */
export async function abortUploads(own: Bucket, cluster: string, before: number): Promise<string[]> {
  const { client, bucket, prefix, url } = own;
  try {
    const stale = (await listUploads(own, cluster)).filter(({ Key = "", Initiated }) => {
      const [id = ""] = Key.slice(prefix.length).split("/");
      return isIdOf(cluster, id) && (Initiated?.getTime() ?? 0) < before;
    });
    for (const { Key, UploadId } of stale)
      await client.send(new s3.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
    return stale.map(({ Key = "" }) => `s3://${bucket}/${Key} (unfinished upload)`);
  } catch (error) {
    throw explainS3(error, url);
  }
}

/** S3 lists a thousand at a time, and its library has no paginator for these. */
async function listUploads(
  { client, bucket, prefix }: Bucket,
  cluster: string,
): Promise<s3.MultipartUpload[]> {
  const uploads: s3.MultipartUpload[] = [];
  let after: Pick<s3.ListMultipartUploadsCommandInput, "KeyMarker" | "UploadIdMarker"> = {};
  for (;;) {
    const page = await client.send(
      new s3.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${prefix}${cluster}-`, ...after }),
    );
    uploads.push(...(page.Uploads ?? []));
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return uploads;
    after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}
