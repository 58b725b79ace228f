import { z } from "zod";

/** Query parameters arrive as strings; these turn them into what handlers use. */

/** `true` or `false`; an empty value (`?running`) counts as true. */
export const flag = z
  .enum(["true", "false", ""])
  .transform((text) => text !== "false")
  .optional();

export const integer = z.coerce.number().int().safe().optional();

/** ISO 8601 in, Date out. */
export const timestamp = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)), "is not a timestamp, expected ISO 8601")
  .transform((text) => new Date(text))
  .optional();

export const text = z.string().optional();

/** Paging: 1-based (0 counts as 1), pages of 1,000 unless told; lists that may grow without end set their own default. */
export const paging = {
  page: z.coerce.number().int().min(0).optional(),
  per_page: z.coerce.number().int().min(1).max(100_000).optional(),
};

/** A comma list that may be negated (`!a,!b` or `!a,b`): the filter form of Windmill's job lists. */
export interface Choice {
  values: string[];
  negated: boolean;
}

export const choice = z
  .string()
  .transform((value): Choice => {
    const items = value.split(",").filter((item) => item !== "");
    return { values: items.map((item) => item.replace(/^!/, "")), negated: items[0]?.startsWith("!") ?? false };
  })
  .optional();
