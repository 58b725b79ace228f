/** An executor on hand-made scripts, without installers: for the tests of this package. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Language } from "@towermill/contract";
import { findDeno } from "./deno/project.ts";
import { createExecutor, type ExecutorOptions } from "./executor.ts";
import type { Executor, LanguageRuntime, Prepared, RunOutcome, RunRequest } from "./runtime.ts";

export interface TrialOutcome {
  outcome: RunOutcome;
  log: string;
  streamed: string;
  /** Milliseconds the whole took. */
  took: number;
}

export interface Trial {
  executor: Executor;
  folder: string;
  /** Runs a script's text; parameters are read off its `main(a, b)`. Bash takes `$1` from the first argument. */
  run(language: Language, content: string, more?: TrialRequest): Promise<TrialOutcome>;
  stop(): Promise<void>;
}

export type TrialRequest = Partial<Omit<RunRequest, "args">> & {
  args?: Record<string, unknown> | string;
  signal?: AbortSignal;
  prepared?: Partial<Prepared>;
  onLog?: (text: string) => void;
};

const endings: Partial<Record<Language, string>> = { python3: "py", bash: "sh" };

/** Starts an executor in a folder of its own below `parent` (default: the system's temporary folder). */
export async function startTrial(options: Partial<ExecutorOptions> = {}, parent = tmpdir()): Promise<Trial> {
  const folder = mkdtempSync(join(parent, "towermill-runtimes-"));
  // Users of jobs must be able to pass through it where they are not confined.
  chmodSync(folder, 0o711);
  const cacheFolder = join(folder, "cache");
  let override: Partial<Prepared> = {};
  const runtimeOf = (languages: Language[], command: string): LanguageRuntime => ({
    languages,
    detect: () => Promise.resolve({ available: true, version: "1", command }),
    lock: () => Promise.resolve({ status: "locked", lock: "" }),
    prepare: (request) => Promise.resolve({ ...prepare(cacheFolder, request), ...override }),
  });
  const deno = (await findDeno()) ?? "";
  const runtimes = (): LanguageRuntime[] => [
    runtimeOf(["bun", "python3", "bash"], ""),
    ...(deno === "" ? [] : [runtimeOf(["deno"], deno)]),
  ];
  const executor = await createExecutor({
    folder: join(folder, "worker"),
    cacheFolder,
    slots: 2,
    isolation: "auto",
    runtimes,
    ...options,
  }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    executor,
    folder,
    run: (language, content, more = {}) => {
      override = more.prepared ?? {};
      return runTrial(executor, { ...more, language, script: { path: "u/a/s", content, lock: "" } });
    },
    stop: async () => {
      await executor.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function runTrial(
  executor: Executor,
  more: TrialRequest & Pick<RunRequest, "language" | "script">,
): Promise<TrialOutcome> {
  const { args = {}, signal = new AbortController().signal, onLog, ...rest } = more;
  let log = "";
  let streamed = "";
  const began = performance.now();
  const request: RunRequest = {
    jobId: "job",
    attempt: 1,
    domain: { workspace: "w", permissionedAs: "u/a", environment: "" },
    workspaceScripts: () => Promise.resolve(null),
    entrypoint: "main",
    preprocess: false,
    env: {},
    timeoutMs: 20_000,
    memoryLimitMb: 2048,
    fresh: false,
    ...rest,
    args: typeof args === "string" ? args : JSON.stringify(args),
  };
  const io = {
    log: (text: string): void => {
      if (log.length < 1_000_000) log += text;
      onLog?.(text);
    },
    stream: (text: string): void => void (streamed += text),
  };
  const outcome = await executor.run(request, io, signal);
  return { outcome, log, streamed, took: performance.now() - began };
}

function prepare(cacheFolder: string, request: RunRequest): Prepared {
  const { content } = request.script;
  const key = createHash("sha256").update(content).digest("hex").slice(0, 20);
  const folder = join(cacheFolder, "bundles", key);
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, `script.${endings[request.language] ?? "mjs"}`);
  writeFileSync(entry, content);
  const list = request.language === "bash" ? "x" : (/main\(([^)]*)\)/.exec(content)?.[1] ?? "");
  const parameters = list
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .map((text) => ({
      name: /^\w+/.exec(text)?.[0] ?? text,
      kind: kindOf(text),
      hasDefault: text.includes("="),
    }));
  const node = content.startsWith("//nodejs") ? { engine: "node" as const } : {};
  return {
    key,
    mounts: [folder],
    entry,
    parameters,
    hasPreprocessor: content.includes("preprocessor"),
    env: {},
    ...node,
  };
}

function kindOf(parameter: string): Prepared["parameters"][number]["kind"] {
  if (parameter.includes(": datetime")) return "datetime";
  if (parameter.includes(": date") || parameter.includes("Date")) return "date";
  return parameter.includes(": bytes") ? "bytes" : "plain";
}
