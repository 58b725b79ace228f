import { prepareFailure } from "../cache/failure.ts";
import type { ScriptGraph } from "./graph.ts";
import { parseNpmSpecifier } from "./npm-specifier.ts";
import { readDependencies } from "./lock-text.ts";
import { productClient } from "./product-client.ts";

/**
 * Packages a script needs, by name, with the range to resolve: the one written in a specifier (`lodash@4`), for
 * `windmill-client` the version this product ships, else `latest`.
 *
 * @throws PrepareFailure when two modules ask for different versions
 */
export function requiredPackages(graph: ScriptGraph): Map<string, string> {
  const asked = new Map<string, { version: string; importer: string }>();
  const required = new Map<string, string>();
  for (const [specifier, importer] of graph.packages) {
    const { name, version } = parseNpmSpecifier(specifier, importer);
    if (version === null) {
      if (!required.has(name)) required.set(name, name === productClient.name ? productClient.version : "latest");
      continue;
    }
    const earlier = asked.get(name);
    if (earlier !== undefined && earlier.version !== version) {
      throw prepareFailure(
        "DependencyError",
        `${earlier.importer} asks for ${name}@${earlier.version} and ${importer} for ${name}@${version}. ` +
          `One script and what it imports share one version: write the same in both.`,
      );
    }
    asked.set(name, { version, importer });
    required.set(name, version);
  }
  return required;
}

/**
 * The packages of a `package.json` kept in the workspace: it alone decides, except that `windmill-client` is always
 * there when it is imported.
 */
export function filePackages(packageJson: string, graph: ScriptGraph): Map<string, string> {
  const listed = readDependencies(packageJson);
  if (listed === null) throw prepareFailure("DependencyError", "The workspace's package.json is not a JSON object.");
  for (const [name, version] of Object.entries(listed)) {
    if (/^(?:file|link|portal|workspace):|^[./~]/.test(version)) {
      throw prepareFailure(
        "DependencyError",
        `package.json asks for ${name}@${version}: folders of the worker cannot be used.`,
      );
    }
  }
  const packages = new Map(Object.entries(listed));
  const required = requiredPackages({ ...graph, packages: onlyClient(graph) });
  for (const [name, version] of required) if (!packages.has(name)) packages.set(name, version);
  return packages;
}

function onlyClient(graph: ScriptGraph): Map<string, string> {
  return new Map(
    [...graph.packages].filter(
      ([specifier, importer]) => parseNpmSpecifier(specifier, importer).name === productClient.name,
    ),
  );
}
