/** What the comments of a Python script say about its packages and its Python. */
export interface PythonAnnotations {
  /** Version specifier such as `>=3.12`, `null` when none is asked for. */
  python: string | null;
  /** Full list of requirements; imports then add nothing. `null` when there is none. */
  requirements: string[] | null;
  /** Requirements beside those of the imports. */
  extra: string[];
  /** Requirement to use for an imported root module, by module name. */
  pins: Map<string, string>;
  /** As `pins`, and decides for every script of the same lock. */
  repins: Map<string, string>;
}

const pinnedImport = /^\s*(?:from|import)\s+([A-Za-z_]\w*)[^#]*#\s*(re)?pin:(.*)$/;
/** Longer lines hold no annotation; the patterns here may take time that grows with the square of a line. */
const longestLine = 1000;
/** Metadata blocks are a handful of lines. */
const longestBlock = 500;

/** Reads the annotations of a script. */
export function readPythonAnnotations(content: string): PythonAnnotations {
  const lines = content.split(/\r?\n/).map((line) => (line.length > longestLine ? "" : line));
  const inline = readInlineMetadata(lines);
  const pins = new Map<string, string>();
  const repins = new Map<string, string>();
  for (const line of content.includes("pin:") ? lines : []) {
    const [, module, again, requirement = ""] = pinnedImport.exec(line) ?? [];
    if (module !== undefined) (again === undefined ? pins : repins).set(module, requirement.trim());
  }
  const requirements = readBlock(lines, "requirements");
  return {
    python: readPythonVersion(lines) ?? inline?.python ?? null,
    requirements: requirements ?? inline?.dependencies ?? null,
    extra: readBlock(lines, "extra_requirements") ?? [],
    pins,
    repins,
  };
}

function readPythonVersion(lines: readonly string[]): string | null {
  for (const line of lines) {
    if (line.trim() !== "" && !line.startsWith("#")) return null;
    const spec = /^#\s*py:\s*(\S.*?)\s*$/.exec(line)?.[1];
    if (spec !== undefined) return spec;
    const minor = /^#\s*py3(\d{1,2})\s*$/.exec(line)?.[1];
    if (minor !== undefined) return `==3.${minor}.*`;
  }
  return null;
}

/** Lines of a `#requirements:` block: comment lines up to the first line that is none, or an empty comment. */
function readBlock(lines: readonly string[], name: string): string[] | null {
  const start = lines.findIndex((line) => new RegExp(`^#\\s*${name}:\\s*$`).test(line));
  if (start === -1) return null;
  const block: string[] = [];
  for (const line of lines.slice(start + 1)) {
    const text = /^#\s*([^#\s].*?)\s*$/.exec(line)?.[1];
    if (text === undefined || /^[a-z_]+:\s*$/.test(text)) break;
    block.push(text.replace(/\s+#.*$/, ""));
  }
  return block;
}

/** Inline script metadata (https://packaging.python.org/en/latest/specifications/inline-script-metadata/). */
function readInlineMetadata(lines: readonly string[]): { python: string | null; dependencies: string[] | null } | null {
  const start = lines.indexOf("# /// script");
  const length = start === -1 ? -1 : lines.slice(start + 1).findIndex((line) => line === "# ///");
  if (length === -1 || length > longestBlock) return null;
  const toml = lines
    .slice(start + 1, start + 1 + length)
    .map((line) => line.replace(/^# ?/, ""))
    .join("\n");
  const list = /^dependencies\s*=\s*\[([^]*?)\]\s*$/m.exec(toml)?.[1];
  return {
    python: /^requires-python\s*=\s*["'](.*?)["']/m.exec(toml)?.[1] ?? null,
    dependencies:
      list === undefined
        ? null
        : [...list.matchAll(/"([^"\n]*)"|'([^'\n]*)'/g)].map((item) => item[1] ?? item[2] ?? ""),
  };
}

/** Whether a version such as `3.11.7` meets a specifier such as `>=3.11,<3.13`, `3.12` or `==3.11.*`. */
export function meetsVersion(version: string, specifier: string): boolean {
  return specifier.split(",").every((part) => {
    const match = /^\s*(>=|<=|==|!=|~=|>|<|)\s*(\d+(?:\.\d+)*)(?:\.\*)?\s*$/.exec(part);
    if (match?.[2] === undefined) return true;
    const wanted = match[2].split(".").map(Number);
    const order = compareVersions(version.split(".").map(Number), wanted);
    const same = compareVersions(version.split(".").map(Number).slice(0, wanted.length), wanted) === 0;
    switch (match[1]) {
      case ">=":
        return order >= 0;
      case "<=":
        return order <= 0 || same;
      case ">":
        return order > 0 && !same;
      case "<":
        return order < 0;
      case "!=":
        return !same;
      case "~=":
        return (
          order >= 0 &&
          compareVersions(
            version
              .split(".")
              .map(Number)
              .slice(0, wanted.length - 1),
            wanted.slice(0, -1),
          ) === 0
        );
      default:
        return same;
    }
  });
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
