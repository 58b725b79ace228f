/** Lock of a TypeScript script, taken apart. */
export interface BunLock {
  /** Text of `package.json`. */
  packageJson: string;
  dependencies: Record<string, string>;
  /** The lockfile beside it and the name bun knows its format by; `null` when nothing is pinned. */
  lockfile: { name: "bun.lock" | "bun.lockb" | "package-lock.json"; content: string | Buffer } | null;
}

const textMark = "\n//bun.lock\n";
const binaryMark = "\n//bun.lockb\n";
/** Stands for the lockfile of a script without packages. */
const emptyMark = "<empty>";

/** Lock text in Windmill's format: `package.json`, a line `//bun.lock`, the lockfile. */
export function formatBunLock(packageJson: string, lockfile: string | null): string {
  return `${packageJson.trimEnd()}${textMark}${lockfile ?? emptyMark}`;
}

/** `package.json` of a script: only its dependencies, names sorted. */
export function formatPackageJson(dependencies: ReadonlyMap<string, string>): string {
  const sorted = [...dependencies].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ dependencies: Object.fromEntries(sorted) }, null, 2);
}

/**
 * Reads a lock text. `""` is a script without packages; a text that is no lock of ours (another language's, a damaged
 * one) gives `null`.
 */
export function parseBunLock(text: string): BunLock | null {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === emptyMark) return { packageJson: "{}", dependencies: {}, lockfile: null };
  for (const mark of [textMark, binaryMark]) {
    const at = text.indexOf(mark);
    if (at === -1) continue;
    const packageJson = text.slice(0, at);
    const dependencies = readDependencies(packageJson);
    if (dependencies === null) return null;
    return { packageJson, dependencies, lockfile: readLockfile(text.slice(at + mark.length), mark === binaryMark) };
  }
  // A bare package.json: the packages are known, their versions are not pinned.
  const dependencies = readDependencies(text);
  return dependencies === null ? null : { packageJson: text, dependencies, lockfile: null };
}

function readLockfile(text: string, binary: boolean): BunLock["lockfile"] {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === emptyMark) return null;
  if (binary) return { name: "bun.lockb", content: Buffer.from(trimmed, "base64") };
  const npm = /^\{[^]{0,400}"lockfileVersion":\s*[123]\b/.test(trimmed) && !trimmed.includes('"workspaces"');
  return { name: npm ? "package-lock.json" : "bun.lock", content: text };
}

/** Dependencies of a `package.json` text, `null` when it is not one. */
export function readDependencies(packageJson: string): Record<string, string> | null {
  let value: unknown;
  try {
    value = JSON.parse(packageJson);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const listed = "dependencies" in value ? value.dependencies : {};
  if (typeof listed !== "object" || listed === null) return null;
  return Object.fromEntries(Object.entries(listed).map(([name, version]) => [name, String(version)]));
}
