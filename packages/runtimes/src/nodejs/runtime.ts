import type { RuntimeOptions } from "../cache/installer.ts";
import { typescriptRuntime } from "../bun/runtime.ts";
import type { LanguageRuntime } from "../runtime.ts";

/**
 * TypeScript on Node, for scripts of language `bun` whose comments say `//nodejs` (see `wantsNode`). The bundle and the
 * lock are made as for bun; the program is the Node this worker runs on.
 */
export function nodejsRuntime(options: RuntimeOptions): LanguageRuntime {
  return typescriptRuntime(options, {
    engine: "node",
    languages: ["bun", "bunnative", "nativets"],
    detect: () => Promise.resolve({ available: true, version: process.versions.node, command: process.execPath }),
  });
}
