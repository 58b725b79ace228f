// Flow tests and flows as files.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parse } from "yaml";

const suffix = ".flow.test.yaml";

/** Every test below a folder, or the one file that was named. */
export function findTests(folder) {
  if (!statSync(folder, { throwIfNoEntry: false })) return [];
  if (statSync(folder).isFile()) return folder.endsWith(suffix) ? [folder] : [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix) && !name.includes("node_modules"))
    .sort()
    .map((name) => join(folder, name));
}

/** A test with the flow it is about: a folder beside it, or (`path`) one that is deployed. */
export function readTest(file) {
  const said = parse(readFileSync(file, "utf8"));
  const fail = (problem) => {
    throw new Error(`${file}: ${problem}`);
  };
  if (typeof said !== "object" || said === null) fail("expected flow (or path) and cases");
  if (!said.flow === !said.path) fail("name the flow's folder as `flow`, or a deployed flow as `path`");
  if (!Array.isArray(said.cases) || said.cases.length === 0) fail("cases: expected a list");
  for (const each of said.cases) if (!each.name || !each.expect) fail("a case needs a name and what to expect");
  const at = (folder) => readFlow(resolve(dirname(file), folder));
  return {
    name: basename(file, suffix),
    path: said.path ?? null,
    flow: said.flow ? at(said.flow) : null,
    needs: (said.needs ?? []).map(at),
    cases: said.cases,
  };
}

/** A flow as `wmill sync pull` writes it: `flow.yaml`, with code in files beside it. */
function readFlow(folder) {
  const file = join(folder, "flow.yaml");
  if (!existsSync(file)) throw new Error(`${file} does not exist`);
  const flow = withInlineFiles(parse(readFileSync(file, "utf8")), folder);
  return { path: pathOf(folder), summary: flow.summary ?? "", value: flow.value, schema: flow.schema ?? {} };
}

/** `f/a/b` of `…/f/a/b.flow`, counted from the folder that holds `wmill.yaml`. */
function pathOf(folder) {
  let root = dirname(folder);
  while (!existsSync(join(root, "wmill.yaml")) && root !== dirname(root)) root = dirname(root);
  return relative(root, folder)
    .replaceAll("\\", "/")
    .replace(/(\.flow|__flow)$/, "");
}

function withInlineFiles(value, folder) {
  if (typeof value === "string") {
    return value.startsWith("!inline ") ? readFileSync(join(folder, value.slice("!inline ".length)), "utf8") : value;
  }
  if (Array.isArray(value)) return value.map((item) => withInlineFiles(item, folder));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withInlineFiles(part, folder)]));
}
