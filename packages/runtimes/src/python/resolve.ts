import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentKey } from "../cache/content-key.ts";
import { resolveWithAnswers } from "../cache/answers.ts";
import { normalizeName } from "./package-names.ts";
import { splitLines, splitOptions } from "./requirements.ts";
import { findPip, type PythonContext, runPythonTool } from "./tool.ts";

const purpose = { name: "DependencyError", action: "Resolving Python packages" };

/**
 * Resolves requirements to a lock: a first line `# py: 3.x`, then index options, then one pinned requirement a line.
 *
 * @throws PrepareFailure `DependencyError` with the resolver's output
 */
export async function resolveRequirements(lines: readonly string[], context: PythonContext): Promise<string> {
  const { interpreter, options } = context;
  const header = `# py: ${interpreter.version.split(".").slice(0, 2).join(".")}`;
  if (lines.length === 0) return header;
  const question = contentKey(["python", interpreter.version, interpreter.tag, ...lines]);
  return resolveWithAnswers({ folder: options.cacheFolder, question, io: context.io }, async () => {
    const pins = await context.cache.withFolder((folder) => askIndex(lines, folder, context));
    return [header, ...splitOptions(lines).options, ...pins.sort()].join("\n");
  });
}

async function askIndex(lines: readonly string[], folder: string, context: PythonContext): Promise<string[]> {
  const input = join(folder, "requirements.in");
  const output = join(folder, "answer");
  await writeFile(input, `${lines.join("\n")}\n`);
  const { command, uv } = context.interpreter;
  if (uv !== null) {
    const args = [
      "pip",
      "compile",
      input,
      "-o",
      output,
      "--python",
      command,
      "--no-header",
      "--no-annotate",
      "--quiet",
    ];
    await runPythonTool({ command: uv, args, folder, purpose }, context);
    return splitOptions(splitLines(await readFile(output, "utf8"))).requirements;
  }
  const pip = await findPip(context);
  const args = ["-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", output, "-r", input];
  await runPythonTool({ command: pip.command, args, mounts: pip.mounts, folder, purpose }, context);
  return pinsOfReport(await readFile(output, "utf8"));
}

interface ReportItem {
  metadata: { name: string; version: string };
  download_info: { url: string; vcs_info?: { vcs: string; commit_id: string } };
  is_direct: boolean;
}

/** Pins of pip's installation report (https://pip.pypa.io/en/stable/reference/installation-report/). */
function pinsOfReport(text: string): string[] {
  const { install } = JSON.parse(text) as { install: ReportItem[] };
  return install.map(({ metadata, download_info: source, is_direct: direct }) => {
    const name = normalizeName(metadata.name);
    if (!direct) return `${name}==${metadata.version}`;
    const { vcs_info: vcs } = source;
    return `${name} @ ${vcs === undefined ? source.url : `${vcs.vcs}+${source.url}@${vcs.commit_id}`}`;
  });
}
