import { mkdir, mkdtemp, rename, rm, stat, utimes, chmod } from "node:fs/promises";
import { join } from "node:path";
import { sealFolder } from "./seal.ts";

/** Folder for artefacts that are being built or thrown away; never read by a job. */
export const buildingFolder = ".building";

/** Kinds that hold public packages: any job may read them. All other kinds hold people's own code. */
export const sharedKinds: readonly string[] = ["npm", "wheels"];

/** Where `installOnce` puts what it builds: `{folder}/{kind}/{key}`. */
export interface ContentCache {
  readonly folder: string;
  /**
   * The folder of the artefact `kind`/`key`, built by `install` when it is not there yet. `install` fills a private
   * folder, which is sealed read-only and renamed into place in one step: a crash leaves no half artefact, and of
   * several processes building the same one the first to finish wins while the others throw theirs away.
   */
  installOnce(kind: string, key: string, install: (folder: string) => Promise<void>): Promise<string>;
  /** The folder of an artefact that is already there, else `null`. */
  find(kind: string, key: string): Promise<string | null>;
  /** Runs `work` in a private folder that is gone afterwards. */
  withFolder<T>(work: (folder: string) => Promise<T>): Promise<T>;
}

/** Time of last use is written at most this often; clean-up only needs the order. */
const touchEveryMs = 60_000;

/** A content-addressed cache below `folder`, which any number of processes may share. */
export function openCache(folder: string): ContentCache {
  const pending = new Map<string, Promise<string>>();
  const touched = new Map<string, number>();

  async function find(kind: string, key: string): Promise<string | null> {
    const path = artefactPath(folder, kind, key);
    const now = Date.now();
    const last = touched.get(path) ?? 0;
    try {
      if (now - last < touchEveryMs) await stat(path);
      else await utimes(path, now / 1000, now / 1000);
    } catch (error) {
      if (isMissing(error)) return null;
      // Somebody else's cache, readable but not ours to touch.
      await stat(path);
    }
    touched.set(path, now);
    return path;
  }

  async function build(kind: string, key: string, install: (folder: string) => Promise<void>): Promise<string> {
    const found = await find(kind, key);
    if (found !== null) return found;
    await mkdir(join(folder, kind), { recursive: true });
    return withFolder(async (temporary) => {
      const draft = join(temporary, "artefact");
      await mkdir(draft);
      await install(draft);
      await sealFolder(draft);
      return publish(draft, artefactPath(folder, kind, key));
    });
  }

  async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const parent = join(folder, buildingFolder);
    await mkdir(parent, { recursive: true });
    const temporary = await mkdtemp(join(parent, `${String(process.pid)}-`));
    try {
      // An installer may run as another user inside it.
      await chmod(temporary, 0o711);
      return await work(temporary);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async function installOnce(kind: string, key: string, install: (folder: string) => Promise<void>): Promise<string> {
    const id = `${kind}/${key}`;
    // A failure of somebody else's attempt may only mean that their job was cancelled: then try again.
    for (let running = pending.get(id); running !== undefined; running = pending.get(id)) {
      const built = await running.catch(() => undefined);
      if (built !== undefined) return built;
    }
    const started = build(kind, key, install).finally(() => pending.delete(id));
    pending.set(id, started);
    return started;
  }

  return { folder, installOnce, find, withFolder };
}

async function publish(draft: string, path: string): Promise<string> {
  try {
    await rename(draft, path);
  } catch (error) {
    // Another process finished first; equal keys mean equal content.
    if (!hasCode(error, ["EEXIST", "ENOTEMPTY", "EPERM"]) || !(await exists(path))) throw error;
  }
  return path;
}

/** Path of an artefact; kind and key are ours, checked so that nothing can leave the cache. */
function artefactPath(folder: string, kind: string, key: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(kind) || !/^[A-Za-z0-9][A-Za-z0-9._+-]{0,200}$/.test(key)) {
    throw new Error(`"${kind}/${key}" cannot name an artefact of the cache in ${folder}`);
  }
  return join(folder, kind, key);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return hasCode(error, ["ENOENT", "ENOTDIR"]);
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
