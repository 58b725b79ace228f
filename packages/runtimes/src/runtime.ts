import type { Language } from "@towermill/contract";

/** Source of a workspace script, as it is stored or sent for a preview. */
export interface ScriptSource {
  /** Workspace path such as `f/tools/hello`; previews without one get `u/{user}/preview`. */
  path: string;
  content: string;
  /** Text of the lock, `""` = locked and without dependencies, `null` = not locked yet (a preview). */
  lock: string | null;
}

/**
 * Processes are reused only inside one domain: the same workspace, identity, language, code, lock and worker
 * environment (the rule of AWS Lambda). Code and lock are added by the pool from the prepared script.
 */
export interface IsolationDomain {
  workspace: string;
  permissionedAs: string;
  /** Hash of the environment the worker group adds; runners never cross it. */
  environment: string;
  /** Version of the deployed flow that the code is a step of: steps of one version share processes, whatever their code. */
  flowVersion?: string;
}

/** Looks up a script of the job's workspace, for relative and `/f/...` imports. `null` when there is none. */
export type WorkspaceScripts = (path: string) => Promise<(ScriptSource & { language: Language }) | null>;

export interface RunRequest {
  jobId: string;
  attempt: number;
  language: Language;
  domain: IsolationDomain;
  script: ScriptSource;
  workspaceScripts: WorkspaceScripts;
  /** Exported function to call; `main` unless the job overrides it. */
  entrypoint: string;
  /** Run `preprocessor(event)` first and pass what it returns to `entrypoint`. */
  preprocess: boolean;
  /** JSON text of one object, `$var:` and `$res:` already resolved. Never re-serialised on the way to the runner. */
  args: string;
  /** `WM_*`, worker group variables, script `envs`. Set anew for each job, gone after it. */
  env: Record<string, string>;
  timeoutMs: number;
  memoryLimitMb: number;
  /** A process of its own for this job (previews, `// fresh`, the instance switch). */
  fresh: boolean;
  /** Until it resolves all is made ready; with `false` nothing is run. Absent = it may run at once. */
  mayRun?: Promise<boolean> | undefined;
  /** Jobs with the same key find the same folder as `./shared`; one at a time. An id, never a path. */
  shared?: string | undefined;
}

export interface RunIo {
  /** Text of stdout and stderr in the order the worker read it; valid UTF-16, NUL and broken UTF-8 replaced by U+FFFD. */
  log(text: string): void;
  /** Text the script streamed as its result so far (`WM_STREAM: `). */
  stream(text: string): void;
}

export interface JobError {
  name: string;
  message: string;
  stack?: string;
  [extra: string]: unknown;
}

/** How the process came to the job: kept from an earlier one, ready and blank, or started for it. */
export type RunnerKind = "reused" | "fresh" | "cold";

export interface RunMeasure {
  runner: RunnerKind;
  /** Milliseconds from the request to the first line of user code. */
  startMs: number;
  /** Peak resident memory of the runner's process tree in KiB, 0 when unknown. */
  memPeakKb: number;
}

export type RunOutcome = RunMeasure &
  (
    | {
        status: "success";
        /** JSON text. */ result: string;
        /** JSON text of what the preprocessor made. */ preprocessedArgs?: string;
      }
    | { status: "failure"; reason: "error" | "exit" | "timeout" | "memory" | "canceled" | "setup"; error: JobError }
  );

export interface LockRequest {
  language: Language;
  domain: IsolationDomain;
  script: ScriptSource;
  workspaceScripts: WorkspaceScripts;
  /** Raw workspace dependency files by name (`package.json`, `requirements.in`) where the script asks for them. */
  dependencyFiles: Record<string, string>;
}

export type LockOutcome = { status: "locked"; lock: string } | { status: "failed"; error: JobError };

/** A script made ready: everything is on disk, content-addressed, read-only; running it resolves nothing. */
export interface Prepared {
  /** Content address: equal key = equal code, dependencies and loader. */
  key: string;
  /** Host folders the runner must see read-only (bundle folder, dependency cache entries). */
  mounts: string[];
  /** File inside one of `mounts` that the guest program loads. */
  entry: string;
  /** Parameters of the entry point in order, so that a JSON object becomes positional arguments. */
  parameters: {
    name: string;
    /** `date` parameters become `Date`/`datetime`, `bytes` are decoded. */ kind:
      "plain" | "date" | "datetime" | "bytes";
    hasDefault: boolean;
  }[];
  hasPreprocessor: boolean;
  /** Program that runs it when the language leaves a choice (`//nodejs`). */
  engine?: "bun" | "node" | "deno" | "python" | "bash";
  /** Environment the loader needs (`PYTHONPATH`…), fixed for the prepared script. */
  env: Record<string, string>;
}

/** What the machine offers for a language. */
export type Detection = { available: true; version: string; command: string } | { available: false; install: string };

/** One folder per language implements this. */
export interface LanguageRuntime {
  languages: readonly Language[];
  detect(): Promise<Detection>;
  /** Resolves dependencies to a lock text. Languages without locks answer `""`. */
  lock(request: LockRequest, io: RunIo, signal: AbortSignal): Promise<LockOutcome>;
  /** Installs what the lock names, bundles, writes the content-addressed folder. Idempotent, safe in parallel. */
  prepare(request: RunRequest, io: RunIo, signal: AbortSignal): Promise<Prepared>;
}

/** A language that runs in the worker itself, without a process of its own. */
export interface NativeRuntime {
  languages: readonly Language[];
  detection: Detection;
  run(request: RunRequest, io: RunIo, signal: AbortSignal): Promise<RunOutcome>;
  /** Cancels what runs and closes what is kept. */
  stop(): Promise<void>;
}

export interface IsolationReport {
  /** `bubblewrap` and `unshare` hide files, processes and the platform; `uid` separates users; `none` nothing. */
  level: "bubblewrap" | "unshare" | "uid" | "none";
  /** One sentence for the start block, doctor and the workers list. */
  sentence: string;
  memoryLimit: "cgroup2" | "cgroup1" | "sampled";
}

/** Everything the worker knows of languages and processes. */
export interface Executor {
  readonly isolation: IsolationReport;
  readonly detections: ReadonlyMap<Language, Detection>;
  run(request: RunRequest, io: RunIo, signal: AbortSignal): Promise<RunOutcome>;
  lock(request: LockRequest, io: RunIo, signal: AbortSignal): Promise<LockOutcome>;
  /** Removes the folder that jobs with this key shared, if there is one. */
  forgetShared(key: string): void;
  /** Runners alive by state, for metrics and the workers page. */
  stats(): { blank: number; idle: number; busy: number; started: number };
  /** Ends every process; nothing is left running when it resolves. */
  stop(): Promise<void>;
}
