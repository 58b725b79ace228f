import { access, constants, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCache } from "../cache/content-cache.ts";
import { contentKey } from "../cache/content-key.ts";
import { readEntrypoint } from "../cache/entrypoint.ts";
import type { RuntimeOptions } from "../cache/installer.ts";
import { createPreparedMemo } from "../cache/prepared-memo.ts";
import type { Detection, LanguageRuntime } from "../runtime.ts";

/** The script, inside its folder. */
const scriptFile = "script.sh";

/** Bash: no packages, no lock; preparing writes the script, Windows line ends taken out. */
export function bashRuntime(options: RuntimeOptions): LanguageRuntime {
  const cache = openCache(options.cacheFolder);
  const memo = createPreparedMemo();
  return {
    languages: ["bash"],
    detect: detectBash,
    lock: () => Promise.resolve({ status: "locked", lock: "" }),
    prepare(request) {
      return memo.recall(request, async () => {
        const { content } = request.script;
        const key = contentKey(["bash", content]);
        const folder = await cache.installOnce("bash", key, async (artefact) => {
          await writeFile(join(artefact, scriptFile), content.replaceAll("\r\n", "\n"));
        });
        const entrypoint = { ...readEntrypoint("bash", content, "main"), hasPreprocessor: false };
        const prepared = { key, mounts: [folder], entry: join(folder, scriptFile), ...entrypoint, env: {} };
        return { prepared, imports: new Map() };
      });
    },
  };
}

async function detectBash(): Promise<Detection> {
  for (const folder of (process.env["PATH"] ?? "/usr/bin:/bin").split(":")) {
    const command = join(folder === "" ? "." : folder, "bash");
    const found = await access(command, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return { available: true, version: "5", command };
  }
  return {
    available: false,
    install: "Install bash with the system's package manager, such as `apt-get install bash`.",
  };
}
