import { ApiError } from "./error.ts";

/** `u/{user}/a`, `f/{folder}/a/b`, `g/{group}/a`: two fixed levels, then at least one name. */
const itemPath = /^[ufg](\/[A-Za-z0-9_.@-]+){2,}$/;

export function isItemPath(path: string): boolean {
  return path.length <= 255 && itemPath.test(path) && !path.split("/").some((part) => part === "." || part === "..");
}

/** @throws ApiError `invalid_path` naming the field */
export function requireItemPath(path: string, field = "path"): string {
  if (!isItemPath(path)) {
    throw new ApiError(
      "invalid_path",
      `${field}: ${JSON.stringify(path.slice(0, 120))} is not a valid path, expected u/{user}/name, f/{folder}/name or g/{group}/name`,
    );
  }
  return path;
}

/** The owner part of a path: `{ kind: "u" | "f" | "g", name }`. */
export function pathOwner(path: string): { kind: string; name: string } {
  const [kind = "", name = ""] = path.split("/");
  return { kind, name };
}
