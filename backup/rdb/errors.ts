/** The file is no snapshot of Redis, is damaged, or holds something that this kit cannot carry over. */
export class RdbFormatError extends Error {
  override readonly name = "RdbFormatError";
}
