import { chmod, lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes a finished folder readable by every user and writable by none but its owner: folders 0755, files 0444 or 0555.
 * When the process is root it takes ownership, so that the user an installer ran as cannot change the artefact later.
 * Symbolic links are left as they are.
 */
export async function sealFolder(folder: string): Promise<void> {
  const root = process.getuid?.() === 0;
  const group = process.getgid?.() ?? 0;
  if (root) await lchown(folder, 0, group);
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await sealFolder(path);
    else {
      if (root) await lchown(path, 0, group);
      if (entry.isFile()) await chmod(path, (await lstat(path)).mode & 0o111 ? 0o555 : 0o444);
    }
  }
}

/** Bytes the files of a folder take; 0 for one that is gone. Links are not followed. */
export async function folderSize(folder: string): Promise<number> {
  let total = 0;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) total += await folderSize(path);
    else total += (await lstat(path).catch(() => undefined))?.size ?? 0;
  }
  return total;
}
