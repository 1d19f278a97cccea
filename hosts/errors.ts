/**
 * Something that the user can put right. The message names the node or property, what was found, what was
 * expected, and the cure; it is shown without a stack trace.
 */
export class UserError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UserError";
  }
}
