import { z } from "zod";

/** Pieces that the operations of several groups share. */

/** Text as the database can keep it. */
export const storable = z.string().refine((text) => !text.includes("\u0000"), "must not hold a NUL character");

export const inWorkspace = z.object({ workspace: storable });

/** `…/{path}` */
export const atPath = z.object({ workspace: storable, path: storable });

export const labels = z.array(storable).nullish();

/** `u/{user}` or `g/{group}` → true = write, false = read. */
export const acl = z.record(z.string(), z.boolean());

export const paths = z.object({ paths: z.array(storable).max(10_000) });
