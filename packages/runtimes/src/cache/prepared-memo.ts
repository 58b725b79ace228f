import { utimes } from "node:fs/promises";
import type { Prepared, RunRequest, ScriptSource } from "../runtime.ts";
import { contentKey } from "./content-key.ts";

/** What preparing a script gave, and the workspace sources it was made from. */
export interface PreparedScript {
  prepared: Prepared;
  /** Workspace path and source of each imported script, the script itself left out. */
  imports: ReadonlyMap<string, string>;
}

interface Remembered extends PreparedScript {
  checkedAt: number;
}

const maxRemembered = 2000;
/** The folders are looked at (and marked as used, for clean-up) at most this often. */
const checkEveryMs = 30_000;

/** Remembers prepared scripts in memory, so that a warm job touches no disk. */
export interface PreparedMemo {
  /** The prepared script, from memory when nothing it was made from has changed, else by `prepare`. */
  recall(request: RunRequest, prepare: () => Promise<PreparedScript>): Promise<Prepared>;
}

/** @param clock milliseconds since 1970 */
export function createPreparedMemo(clock: () => number = Date.now): PreparedMemo {
  const remembered = new Map<string, Remembered>();
  const pending = new Map<string, Promise<Remembered>>();

  async function recall(request: RunRequest, prepare: () => Promise<PreparedScript>): Promise<Prepared> {
    const { script } = request;
    // Callers of different workspaces share an entry: it is checked against what each may read.
    const key = `${request.language}/${request.entrypoint}/${sourceKey(script)}`;
    const known = remembered.get(key);
    if (known !== undefined && (await isCurrent(known, request, clock()))) {
      remembered.delete(key);
      remembered.set(key, known);
      return known.prepared;
    }
    const shared = contentKey([key, request.domain.workspace, request.domain.permissionedAs]);
    // A failure of somebody else's attempt may only mean that their job was cancelled: then try again.
    for (let other = pending.get(shared); other !== undefined; other = pending.get(shared)) {
      const earlier = await other.catch(() => undefined);
      if (earlier !== undefined && (await isCurrent(earlier, request, clock()))) return earlier.prepared;
    }
    const running = prepare().then((made) => ({ ...made, checkedAt: clock() }));
    pending.set(shared, running);
    const made = await running.finally(() => pending.delete(shared));
    remembered.set(key, made);
    const oldest = remembered.keys().next();
    if (remembered.size > maxRemembered && oldest.done !== true) remembered.delete(oldest.value);
    return made.prepared;
  }

  return { recall };
}

const sourceKeys = new WeakMap<ScriptSource, string>();

/** Deployed versions come as the same object each time: they are hashed once. */
function sourceKey(script: ScriptSource): string {
  const known = sourceKeys.get(script);
  if (known !== undefined) return known;
  const key = contentKey([script.path, script.content, script.lock ?? "unlocked"]);
  sourceKeys.set(script, key);
  return key;
}

async function isCurrent(known: Remembered, request: RunRequest, now: number): Promise<boolean> {
  if (known.imports.size > 0) {
    const checks = [...known.imports].map(
      async ([path, content]) => (await request.workspaceScripts(path))?.content === content,
    );
    if ((await Promise.all(checks)).includes(false)) return false;
  }
  if (now - known.checkedAt < checkEveryMs) return true;
  const seconds = now / 1000;
  const present = await Promise.all(
    known.prepared.mounts.map((path) =>
      utimes(path, seconds, seconds).then(
        () => true,
        (error: unknown) => !(error instanceof Error && "code" in error && error.code === "ENOENT"),
      ),
    ),
  );
  known.checkedAt = now;
  return !present.includes(false);
}
