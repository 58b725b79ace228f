import { existsSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { RunTool, ToolRequest } from "../sandbox/tool.ts";
import { PrepareFailure } from "./failure.ts";

/** What every language factory takes. */
export interface RuntimeOptions {
  /** Root of the content-addressed cache; workers on one machine may share it. */
  cacheFolder: string;
  runTool: RunTool;
  /** Lines for the operator of the worker, not for the job. */
  log?: (line: string) => void;
}

/** Resolvers and installers may take this long before they are ended. */
const installTimeoutMs = 600_000;

export interface ToolPurpose {
  /** Name of the error the job gets, such as `DependencyError`. */
  name: string;
  /** What was being done, as the start of a sentence: `Resolving npm packages`. */
  action: string;
}

/** A run of a tool without what every installer shares. */
export type InstallerRequest = Omit<ToolRequest, "timeoutMs" | "onOutput"> & {
  /** Output as it comes, for the job's log. */
  onOutput?: (text: string) => void;
};

/**
 * Runs a tool and returns its output; an exit code other than 0 becomes a {@link PrepareFailure} whose message ends in
 * the last lines of what the tool said.
 */
export async function runInstaller(run: RunTool, request: InstallerRequest, purpose: ToolPurpose): Promise<string> {
  const onOutput = request.onOutput ?? ((): void => undefined);
  const mounts = withProgram(request.mounts, request.command);
  const { exitCode, ended, output } = await run({ ...request, mounts, timeoutMs: installTimeoutMs, onOutput });
  request.signal.throwIfAborted();
  if (exitCode === 0) return output;
  const why = ended === "exit" ? `failed with exit code ${String(exitCode)}` : `was ended (${ended})`;
  throw new PrepareFailure({ name: purpose.name, message: `${purpose.action} ${why}:\n${lastLines(output)}` });
}

/** The folder a program lies in must be readable too, unless it is the system's or inside another one. */
function withProgram(mounts: readonly string[], command: string): string[] {
  const folder = dirname(command);
  const covered = ["/usr", "/bin", "/sbin", ...mounts].some((path) => folder === path || folder.startsWith(`${path}/`));
  return [...new Set(covered ? mounts : [...mounts, folder])];
}

/** The end of a tool's output: enough to see the cause, without colours, at most 40 lines and 4000 characters. */
export function lastLines(output: string): string {
  // oxlint-disable-next-line no-control-regex -- terminal colours begin with the escape character
  const plain = output.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").trim();
  return plain.split("\n").slice(-40).join("\n").slice(-4000);
}

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];
const certificateNames = [
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "PIP_CERT",
  "DENO_CERT",
  "GIT_SSL_CAINFO",
];

/**
 * Environment of an installer: an allow-list of the worker's own (proxies, certificates, names starting with one of
 * `prefixes`, compared without case) and nothing else, so that no secret of the platform reaches a package.
 */
export function installerEnvironment(prefixes: readonly string[], home: string): Record<string, string> {
  const env: Record<string, string> = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: home,
    TMPDIR: home,
    LANG: "C.UTF-8",
  };
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined) continue;
    const upper = name.toUpperCase();
    const wanted =
      proxyNames.includes(upper) ||
      certificateNames.includes(name) ||
      prefixes.some((prefix) => upper.startsWith(prefix));
    if (wanted) env[name] = value;
  }
  return env;
}

/** Certificate files and folders that the environment names and that a sandbox with `/usr` and `/etc/ssl` lacks. */
export function certificateMounts(env: Record<string, string>): string[] {
  const named = certificateNames.flatMap((name) => env[name] ?? []);
  return [...new Set(named)].filter(
    (path) => path.startsWith("/") && !/^\/(?:usr|etc\/ssl)\//.test(path) && path !== "/etc/ssl" && existsSync(path),
  );
}

/** A folder below a tool's working folder that the tool may write to, whatever user the sandbox runs it as. */
export async function makeToolFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  // Only the tool's user can enter the working folder itself.
  await chmod(path, 0o777);
  return path;
}
