import { cp } from "node:fs/promises";
import { join } from "node:path";
import { type ContentCache, openCache } from "../cache/content-cache.ts";
import { contentKey } from "../cache/content-key.ts";
import { readEntrypoint } from "../cache/entrypoint.ts";
import { PrepareFailure, prepareFailure } from "../cache/failure.ts";
import type { RuntimeOptions } from "../cache/installer.ts";
import { createPreparedMemo, type PreparedScript } from "../cache/prepared-memo.ts";
import type { Detection, LanguageRuntime, RunIo, RunRequest } from "../runtime.ts";
import { meetsVersion, readPythonAnnotations } from "./annotations.ts";
import { type PythonGraph, readPythonGraph } from "./graph.ts";
import { installRequirements } from "./install.ts";
import { findPython, missingPython } from "./interpreter.ts";
import { layOutModules, writeLayout } from "./layout.ts";
import { collectRequirements } from "./requirements.ts";
import { resolveRequirements } from "./resolve.ts";
import { type PythonContext, runPythonTool } from "./tool.ts";
import { moduleCompiler } from "./wheel-installer.ts";

/** Changes when the same inputs would be laid out in another way. */
const layoutVersion = "1";

/** Python 3, on the `python3` found on the PATH; packages from PyPI through uv or pip. */
export function pythonRuntime(options: RuntimeOptions): LanguageRuntime {
  const cache = openCache(options.cacheFolder);
  const memo = createPreparedMemo();
  return {
    languages: ["python3"],
    detect: detectPython,
    async lock(request, io, signal) {
      try {
        const context = await makeContext({ options, cache, io, signal });
        const graph = await readPythonGraph({ ...request.script, workspaceScripts: request.workspaceScripts });
        checkVersion(graph, context);
        const file = request.dependencyFiles["requirements.in"];
        const lines = collectRequirements(graph, context.interpreter, file);
        return { status: "locked", lock: await resolveRequirements(lines, context) };
      } catch (error) {
        if (error instanceof PrepareFailure) return { status: "failed", error: error.jobError };
        throw error;
      }
    },
    prepare(request, io, signal) {
      return memo.recall(request, async () =>
        prepareScript(request, await makeContext({ options, cache, io, signal })),
      );
    },
  };
}

async function detectPython(): Promise<Detection> {
  const python = await findPython();
  if (python === null) return { available: false, install: missingPython };
  return { available: true, version: python.version, command: python.command };
}

interface ContextParts {
  options: RuntimeOptions;
  cache: ContentCache;
  io: RunIo;
  signal: AbortSignal;
}

async function makeContext(parts: ContextParts): Promise<PythonContext> {
  const interpreter = await findPython();
  if (interpreter === null) throw prepareFailure("RuntimeError", `This worker has no Python. ${missingPython}`);
  return { ...parts, interpreter };
}

/** @throws PrepareFailure when a script asks for a Python this worker does not have */
function checkVersion(graph: PythonGraph, { interpreter }: PythonContext): void {
  for (const [path, content] of graph.modules) {
    const { python } = readPythonAnnotations(content);
    if (python === null || meetsVersion(interpreter.version, python)) continue;
    throw prepareFailure(
      "PythonVersionError",
      `${path} asks for Python ${python}; this worker runs ${interpreter.version} (${interpreter.command}). ` +
        "Change the annotation, or start a worker whose PATH finds that python3 first.",
    );
  }
}

async function prepareScript(request: RunRequest, context: PythonContext): Promise<PreparedScript> {
  const { script } = request;
  const graph = await readPythonGraph({ ...script, workspaceScripts: request.workspaceScripts });
  checkVersion(graph, context);
  const lock =
    script.lock ?? (await resolveRequirements(collectRequirements(graph, context.interpreter, undefined), context));
  const packages = await installRequirements(lock, context);
  const layout = layOutModules(graph);
  const key = contentKey([
    layoutVersion,
    context.interpreter.tag,
    layout.entry,
    ...packages,
    ...[...layout.files].flat(),
  ]);
  const folder = await context.cache.installOnce("python", key, async (artefact) => {
    await writeLayout(layout, artefact);
    // The script itself is compiled where it runs. A preview runs once: compiling ahead would cost more than it saves.
    if (script.lock !== null && graph.modules.size > 1) await compileModules(artefact, context);
  });
  return {
    prepared: {
      key,
      mounts: [folder, ...packages],
      entry: join(folder, layout.entry),
      ...readEntrypoint("python3", script.content, request.entrypoint),
      env: { PYTHONPATH: [folder, ...packages].join(":") },
    },
    imports: new Map([...graph.modules].filter(([path]) => path !== script.path)),
  };
}

async function compileModules(artefact: string, context: PythonContext): Promise<void> {
  await context.cache.withFolder(async (folder) => {
    const compiled = join(folder, "compiled");
    const purpose = { name: "PrepareError", action: "Compiling the script" };
    const args = ["-I", "-c", moduleCompiler, artefact, compiled];
    const { command } = context.interpreter;
    await runPythonTool({ command, args, folder, mounts: [artefact], purpose }, context);
    await cp(compiled, artefact, { recursive: true });
  });
}
