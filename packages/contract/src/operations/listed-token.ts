import { z } from "zod";

/** A token as lists show it: never the token itself. */
export const listedToken = z.object({
  label: z.string().optional(),
  expiration: z.string().optional(),
  token_prefix: z.string(),
  created_at: z.string(),
  last_used_at: z.string(),
  scopes: z.array(z.string()).optional(),
  email: z.string(),
  workspace_id: z.string().optional(),
  read_only: z.boolean(),
});
