import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PythonGraph } from "./graph.ts";

/** Files of a prepared script, relative to its folder, and the one the runner loads. */
export interface PythonLayout {
  files: Map<string, string>;
  entry: string;
}

/**
 * Lays the modules of a script out as packages (`f/tools/hello.py`), so that relative and absolute imports work as
 * written once the folder is on the search path and the script is imported by its dotted name.
 */
export function layOutModules(graph: PythonGraph): PythonLayout {
  const files = new Map<string, string>();
  const [script, ...others] = graph.modules;
  for (const [path, content] of others) files.set(`${modulePath(path)}.py`, content);
  const [path, content] = script ?? ["script", ""];
  let own = modulePath(path);
  while (files.has(`${own}.py`)) own += "_";
  files.set(`${own}.py`, content);
  return { files, entry: `${own}.py` };
}

/** Each part of a workspace path as a Python name: other characters become `_`, a leading digit gets one before it. */
function modulePath(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "")
    .map((part) => part.replace(/[^\p{L}\p{N}_]/gu, "_").replace(/^(?=\p{N})/u, "_"))
    .join("/");
}

/** Writes a layout into a folder. */
export async function writeLayout(layout: PythonLayout, folder: string): Promise<void> {
  for (const [file, content] of layout.files) {
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}
