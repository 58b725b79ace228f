import { isBuiltin } from "node:module";
import { prepareFailure } from "../cache/failure.ts";

/** `npm:@scope/name@^1.2/sub/path` taken apart. */
export interface NpmSpecifier {
  name: string;
  /** Range or tag as written, `null` when none is. */
  version: string | null;
  /** `/sub/path` or the empty string. */
  subpath: string;
}

/** Names npm accepts (https://docs.npmjs.com/cli/configuring-npm/package-json#name), old upper case ones included. */
const namePattern = /^(?:@[A-Za-z0-9~-][A-Za-z0-9._~-]*\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*$/;
/** Ranges and tags only: no URL, no path, no alias, so that a specifier can fetch from the registry and nowhere else. */
const versionPattern = /^[A-Za-z0-9.*^~<>=| +-]+$/;
const specifierPattern = /^(?:npm:)?\/?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?(\/.*)?$/;

/**
 * Takes a package import apart; versions may stand in it (`lodash@4/fp`).
 *
 * @throws PrepareFailure `ImportError` when it is no package name; `importer` is named in the message.
 */
export function parseNpmSpecifier(specifier: string, importer: string): NpmSpecifier {
  const match = specifierPattern.exec(specifier);
  const name = match?.[1] ?? "";
  const version = match?.[2] ?? null;
  if (!namePattern.test(name) || name.length > 214 || (version !== null && !versionPattern.test(version))) {
    throw prepareFailure(
      "ImportError",
      `${importer} imports "${specifier}", which is neither a workspace path nor a package name with a version.`,
    );
  }
  return { name, version, subpath: match?.[3] ?? "" };
}

/** Modules the runtime itself brings: Node's, and bun's own. */
export function isRuntimeModule(specifier: string): boolean {
  return specifier === "bun" || specifier.startsWith("bun:") || specifier.startsWith("node:") || isBuiltin(specifier);
}
