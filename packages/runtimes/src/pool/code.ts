import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** Where one runner sees code: `view` stands in for `cache` inside its sandbox. */
export interface CodeView {
  /** Folder of the host that is mounted over `cache` in the sandbox. */
  view: string;
  /** The platform's content-addressed cache. */
  cache: string;
  /** Kind of the cache (its first folder level) that holds public packages and is seen as it is. */
  packages: string | null;
}

/**
 * Brings prepared folders into a runner's view: hard links, so it costs no space and no copying. Other scripts' code
 * stays out of sight, because only what is linked here is there.
 */
export function linkCode(mounts: readonly string[], code: CodeView): void {
  for (const mount of mounts) {
    const inside = relative(code.cache, mount);
    const [kind] = inside.split(sep);
    if (inside === "" || kind === ".." || kind === undefined) {
      throw new Error(`Prepared code lies outside the cache folder ${code.cache}: ${mount}`);
    }
    if (kind === code.packages) continue;
    const target = join(code.view, inside);
    if (!existsSync(target)) linkTree(mount, target);
  }
}

function linkTree(source: string, target: string): void {
  if (!statSync(source).isDirectory()) {
    mkdirSync(dirname(target), { recursive: true });
    return linkFile(source, target);
  }
  mkdirSync(target, { recursive: true });
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) linkTree(from, to);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    else linkFile(from, to);
  }
}

function linkFile(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    // Another file system, or a file of another user where the kernel protects hard links.
    copyFileSync(source, target);
  }
}
