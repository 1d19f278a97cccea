/** A file of several parts through a place and back. */
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Place } from "../../../backup/place";

const BYTES = 20 * 1024 * 1024;
const ID = "big-20260101T000000Z";

export async function putForTest(place: Place) {
  const content = randomBytes(BYTES);
  const draft = await place.draft(ID);
  await writeFile(join(draft.folder, "shard-1.rdb"), content);
  let parts = 0;
  let bytes = 0;
  await draft.commit(["shard-1.rdb"], "{}", (count) => {
    parts++;
    bytes += count;
  });
  const fetched = await place.fetch(ID, "shard-1.rdb");
  const read = await readFile(fetched.path);
  await fetched.release();
  await place.remove(ID);
  const hash = (data: Buffer) => createHash("sha256").update(data).digest("hex");
  return { bytes, parts, sha256: { written: hash(content), read: hash(read) } };
}
