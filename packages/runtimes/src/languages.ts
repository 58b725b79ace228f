import { bashRuntime } from "./bash/runtime.ts";
import { wantsNode } from "./bun/annotations.ts";
import { bunRuntime } from "./bun/runtime.ts";
import type { RuntimeOptions } from "./cache/installer.ts";
import { denoRuntime } from "./deno/runtime.ts";
import { nodejsRuntime } from "./nodejs/runtime.ts";
import { pythonRuntime } from "./python/runtime.ts";
import type { LanguageRuntime } from "./runtime.ts";

/** Every language that runs in processes of its own. */
export function standardRuntimes(options: RuntimeOptions): LanguageRuntime[] {
  return [typescript(options), pythonRuntime(options), bashRuntime(options), denoRuntime(options)];
}

/** TypeScript on bun, or on Node where the script's comments say `//nodejs`. */
function typescript(options: RuntimeOptions): LanguageRuntime {
  const bun = bunRuntime(options);
  const node = nodejsRuntime(options);
  return {
    languages: bun.languages,
    detect: () => bun.detect(),
    lock: (request, io, signal) => (wantsNode(request.script.content) ? node : bun).lock(request, io, signal),
    prepare: async (request, io, signal) => {
      if (!wantsNode(request.script.content)) return bun.prepare(request, io, signal);
      return { ...(await node.prepare(request, io, signal)), engine: "node" };
    },
  };
}
