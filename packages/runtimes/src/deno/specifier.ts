import { isBuiltin } from "node:module";
import { prepareFailure } from "../cache/failure.ts";
import { parseNpmSpecifier } from "../bun/npm-specifier.ts";
import { productClient } from "../bun/product-client.ts";

/** Where an import of a Deno script is answered from. */
export type DenoImport =
  | { from: "runtime"; path: string }
  /** The SDK in the version the product ships: inlined, without network. */
  | { from: "product" }
  | { from: "registry"; path: string };

/**
 * Sorts an import that is no workspace path. `npm:`, `jsr:` and `https:` are what Deno itself takes; `node:` may be
 * left out.
 *
 * @throws PrepareFailure `ImportError` for anything else: files of the worker, bare package names
 */
export function classifyDenoImport(specifier: string, importer: string): DenoImport {
  if (specifier.startsWith("node:")) return { from: "runtime", path: specifier };
  if (isBuiltin(specifier)) return { from: "runtime", path: `node:${specifier}` };
  if (specifier.startsWith("npm:")) {
    const { name, version, subpath } = parseNpmSpecifier(specifier, importer);
    const shipped =
      name === productClient.name && subpath === "" && (version ?? productClient.version) === productClient.version;
    return shipped ? { from: "product" } : { from: "registry", path: specifier };
  }
  if (specifier === productClient.name) return { from: "product" };
  if (
    /^jsr:\/?@[\w.-]+\/[\w.-]+(?:@[^/\s]+)?(?:\/\S*)?$/.test(specifier) ||
    /^https?:\/\/[^\s"'\\]+$/.test(specifier)
  ) {
    return { from: "registry", path: specifier };
  }
  throw prepareFailure(
    "ImportError",
    `${importer} imports "${specifier}". In Deno write "npm:${specifier}", or a jsr: or https: address.`,
  );
}
