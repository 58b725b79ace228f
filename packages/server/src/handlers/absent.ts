import { ApiError } from "@towermill/contract";

/** For `.catch`: what was not found is `undefined`, every other error goes on. */
export function absent(error: unknown): undefined {
  if (error instanceof ApiError && error.code === "not_found") return undefined;
  throw error;
}
