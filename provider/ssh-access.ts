/** How a declaration says that its servers are reached by ssh. Checked wherever it comes from outside. */
import { z } from "zod";
import type { SshAccess } from "../hosts/ssh/types";

const address = {
  host: z.string().min(1),
  port: z.int().min(1).max(65_535),
  user: z.string().min(1),
  hostKey: z.string().min(1).optional(),
};

/** The server of one node. */
export const sshServerSchema = z.strictObject({ ...address, address: z.string().min(1).optional() });

/** Secret as a whole. */
export const sshAccessSchema = z.strictObject({
  /** By node name. */
  servers: z.record(z.string(), sshServerSchema),
  privateKey: z.string().min(1).optional(),
  passphrase: z.string().min(1).optional(),
  agent: z.string().min(1).optional(),
  sudoPassword: z.string().min(1).optional(),
  bastion: z.strictObject(address).optional(),
}) satisfies z.ZodType<SshAccess>;
