import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { buildingFolder } from "./content-cache.ts";
import { folderSize } from "./seal.ts";

export interface CleanupRequest {
  folder: string;
  /** Bytes the artefacts may take together. */
  maxBytes: number;
  /** Artefacts used within this time stay, whatever the size: a runner may be reading them. Default one hour. */
  keepUsedMs?: number;
}

export interface CleanupReport {
  bytesBefore: number;
  bytesAfter: number;
  removed: number;
}

interface Artefact {
  path: string;
  usedAt: number;
  bytes: number;
}

/**
 * Removes the artefacts that were used longest ago until the cache fits, and what crashed installs left behind. Each
 * one is renamed away before it is deleted, so no reader ever finds half of one.
 */
export async function cleanCache(request: CleanupRequest): Promise<CleanupReport> {
  const before = Date.now() - (request.keepUsedMs ?? 3_600_000);
  const trash = join(request.folder, buildingFolder);
  await mkdir(trash, { recursive: true });
  await removeAbandoned(trash, before);
  const artefacts = await listArtefacts(request.folder);
  const bytesBefore = artefacts.reduce((sum, artefact) => sum + artefact.bytes, 0);
  let bytesAfter = bytesBefore;
  let removed = 0;
  for (const artefact of artefacts.sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytesAfter <= request.maxBytes || artefact.usedAt >= before) break;
    const doomed = join(trash, `removed-${String(process.pid)}-${String(Date.now())}-${String(removed)}`);
    // Another process may be cleaning too: the rename decides who deletes.
    if (
      !(await rename(artefact.path, doomed).then(
        () => true,
        () => false,
      ))
    )
      continue;
    await rm(doomed, { recursive: true, force: true });
    bytesAfter -= artefact.bytes;
    removed += 1;
  }
  return { bytesBefore, bytesAfter, removed };
}

async function listArtefacts(folder: string): Promise<Artefact[]> {
  const found: Artefact[] = [];
  for (const kind of await readdir(folder, { withFileTypes: true })) {
    if (!kind.isDirectory() || kind.name.startsWith(".")) continue;
    for (const key of await readdir(join(folder, kind.name))) {
      const path = join(folder, kind.name, key);
      const information = await stat(path).catch(() => undefined);
      if (information === undefined) continue;
      found.push({ path, usedAt: information.mtimeMs, bytes: await folderSize(path) });
    }
  }
  return found;
}

async function removeAbandoned(trash: string, before: number): Promise<void> {
  for (const name of await readdir(trash)) {
    const path = join(trash, name);
    const changedAt = (await stat(path).catch(() => undefined))?.mtimeMs ?? before;
    if (changedAt < before) await rm(path, { recursive: true, force: true });
  }
}
