import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { resolveWithAnswers } from "../cache/answers.ts";
import { openCache } from "../cache/content-cache.ts";
import { contentKey } from "../cache/content-key.ts";
import { readEntrypoint } from "../cache/entrypoint.ts";
import { PrepareFailure } from "../cache/failure.ts";
import type { RuntimeOptions } from "../cache/installer.ts";
import { createPreparedMemo, type PreparedScript } from "../cache/prepared-memo.ts";
import { bundleFile } from "../bun/runtime.ts";
import type { Detection, LanguageRuntime, RunRequest } from "../runtime.ts";
import { linkDenoScript, type LinkedScript } from "./link.ts";
import { bundleDeno, type DenoContext, denoVersion, findDeno, lockDeno, missingDeno } from "./project.ts";

/** TypeScript on Deno: remote imports are pinned by a `deno.lock` and inlined, so a run fetches nothing. */
export function denoRuntime(options: RuntimeOptions): LanguageRuntime {
  const cache = openCache(options.cacheFolder);
  const memo = createPreparedMemo();
  return {
    languages: ["deno"],
    detect: detectDeno,
    async lock(request, io, signal) {
      try {
        const linked = await linkDenoScript({ ...request.script, workspaceScripts: request.workspaceScripts });
        return { status: "locked", lock: await resolveLinked(linked, { options, cache, io, signal }) };
      } catch (error) {
        if (error instanceof PrepareFailure) return { status: "failed", error: error.jobError };
        throw error;
      }
    },
    prepare(request, io, signal) {
      return memo.recall(request, () => prepareScript(request, { options, cache, io, signal }));
    },
  };
}

async function detectDeno(): Promise<Detection> {
  const command = await findDeno();
  if (command === null) return { available: false, install: missingDeno };
  return { available: true, version: denoVersion(), command };
}

async function resolveLinked(linked: LinkedScript, context: DenoContext): Promise<string> {
  if (linked.remote.length === 0) return "";
  const question = contentKey(["deno", denoVersion(), ...linked.remote]);
  const asked = { folder: context.options.cacheFolder, question, io: context.io };
  return resolveWithAnswers(asked, () => lockDeno(importsOnly(linked), context));
}

/** Code that imports what a script does and nothing else: the lock depends on no line of the script. */
function importsOnly(linked: LinkedScript): string {
  return linked.remote.map((specifier) => `import ${JSON.stringify(specifier)};\n`).join("");
}

async function prepareScript(request: RunRequest, context: DenoContext): Promise<PreparedScript> {
  const { script } = request;
  const linked = await linkDenoScript({ ...script, workspaceScripts: request.workspaceScripts });
  const remote = linked.remote.length > 0;
  const lock = remote ? (script.lock ?? (await resolveLinked(linked, context))) : "";
  const key = contentKey(["deno", denoVersion(), linked.code, lock]);
  const folder = await context.cache.installOnce("bundles", key, async (artefact) => {
    if (remote) context.io.log(`Bundling ${linked.remote.join(", ")}\n`);
    const pins = lock.trim().startsWith("{") ? lock : null;
    await writeFile(join(artefact, bundleFile), remote ? await bundleDeno(linked.code, pins, context) : linked.code);
    // Deno's own bundling moves lines; a map of ours would then lead astray.
    if (!remote) await writeFile(join(artefact, `${bundleFile}.map`), linked.map);
  });
  return {
    prepared: {
      key,
      mounts: [folder],
      entry: join(folder, bundleFile),
      ...readEntrypoint("deno", script.content, request.entrypoint),
      engine: "deno",
      env: {},
    },
    imports: new Map([...linked.modules].filter(([path]) => path !== script.path)),
  };
}
