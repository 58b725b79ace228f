import { prepareFailure } from "../cache/failure.ts";
import { type PythonAnnotations, readPythonAnnotations } from "./annotations.ts";
import type { PythonGraph } from "./graph.ts";
import type { Interpreter } from "./interpreter.ts";
import { normalizeName, packagesOfImport } from "./package-names.ts";

/**
 * A requirement as PEP 508 writes it, by name or by URL. A line can therefore be no option of the installer and no
 * file of the worker.
 */
const requirementPattern =
  /^[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[A-Za-z0-9._, -]*\])?\s*(?:\(?[<>=!~][^;@]*\)?)?(?:@\s*(?:https?|git\+https?|git\+ssh):\/\/\S+)?\s*(?:;.*)?$/;
const indexOption = /^--(?:extra-)?index-url[ =]\s*(https?:\/\/\S+)$/;

/**
 * Requirements of a script: of its imports and those of the workspace modules it imports, or of what their comments
 * and the workspace's `requirements.in` list instead.
 *
 * @returns lines for a requirements file, sorted, without repeats
 * @throws PrepareFailure `DependencyError` for a line that is no requirement
 */
export function collectRequirements(graph: PythonGraph, interpreter: Interpreter, file: string | undefined): string[] {
  const annotations = new Map([...graph.modules].map(([path, content]) => [path, readPythonAnnotations(content)]));
  const repins = new Map([...annotations.values()].flatMap((one) => [...one.repins]));
  const lines = new Set<string>();
  const script = graph.modules.keys().next().value;
  for (const [path, one] of annotations) {
    const listed = path === script && file !== undefined ? splitLines(file) : one.requirements;
    const needed = listed ?? importedRequirements({ graph, path, annotations: one, repins }, interpreter);
    for (const line of [...needed, ...one.extra]) lines.add(checkRequirement(line, path));
    if (listed !== null && importsSdk(graph, path) && !listed.some((line) => /^wmill\b/.test(line))) lines.add("wmill");
  }
  return dropPlainRepeats([...lines]).sort();
}

interface ModuleImports {
  graph: PythonGraph;
  path: string;
  annotations: PythonAnnotations;
  repins: ReadonlyMap<string, string>;
}

function importedRequirements(source: ModuleImports, interpreter: Interpreter): string[] {
  return source.graph.imports.flatMap(({ importer, module, names }) => {
    const root = module.split(".")[0] ?? "";
    if (importer !== source.path || root === "" || interpreter.modules.has(root)) return [];
    const pinned = source.repins.get(root) ?? source.annotations.pins.get(root);
    return pinned === undefined ? packagesOfImport(module, names) : [pinned];
  });
}

function importsSdk(graph: PythonGraph, path: string): boolean {
  return graph.imports.some(({ importer, module }) => importer === path && /^wmill(?:\.|$)/.test(module));
}

/** `yaml` beside `yaml==6` asks for nothing more. */
function dropPlainRepeats(lines: readonly string[]): string[] {
  const named = (line: string): string => normalizeName(/^[A-Za-z0-9._-]+/.exec(line)?.[0] ?? "");
  const precise = new Set(lines.filter((line) => !/^[A-Za-z0-9._-]+$/.test(line)).map(named));
  return lines.filter((line) => !/^[A-Za-z0-9._-]+$/.test(line) || !precise.has(normalizeName(line)));
}

/** Requirement lines of a text: comments and hashes taken out, continued lines joined. */
export function splitLines(text: string): string[] {
  return text
    .replace(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/(?:^|\s)#.*$/, "")
        .replace(/\s--hash[= ]\S+/g, "")
        .trim(),
    )
    .filter((line) => line !== "");
}

/** The line itself when it is a requirement or names an index; `origin` is where it stands. */
export function checkRequirement(line: string, origin: string): string {
  const plain = line.replace(/\s+/g, " ");
  if (plain.length < 1000 && (requirementPattern.test(plain) || indexOption.test(plain))) return plain;
  throw prepareFailure("DependencyError", `"${line}" in ${origin} is no requirement such as "requests>=2,<3".`);
}

/** `--index-url` lines and the others, apart. */
export function splitOptions(lines: readonly string[]): { options: string[]; requirements: string[] } {
  return {
    options: lines.filter((line) => line.startsWith("--")),
    requirements: lines.filter((line) => !line.startsWith("--")),
  };
}
