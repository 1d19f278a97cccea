/** From what people write to the place. S3's library is loaded only where a place is there. */
import { isAbsolute, resolve } from "node:path";
import { BackupRefusedError } from "./errors";
import { openFolder } from "./folder-place";
import type { Place, PlaceOptions } from "./place";

/** `place` is a path, or s3://bucket/prefix. Nothing is read or written yet. */
export function openPlace(place: string, directory: string, options: PlaceOptions = {}): Place {
  if (place.startsWith("s3://")) {
    // The SDK takes a third of a second to load.
    const { openS3 } = require("./s3-place") as typeof import("./s3-place");
    return openS3(place, options);
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place))
    throw new BackupRefusedError(`${place}: backups are kept in a folder or under s3://bucket/prefix.`);
  return openFolder(isAbsolute(place) ? place : resolve(directory, place));
}
