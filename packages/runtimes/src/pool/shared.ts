import { chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Slot } from "./slot.ts";

/** Folders that follow the steps of a flow from runner to runner. */
export interface SharedFolders {
  /**
   * Moves a folder into a runner's place before a job.
   * @returns the job's working folder as it sees it, where `./shared` is the folder
   */
  enter(slot: Slot, key: string): { cwd: string; leave(): void };
  forget(key: string): void;
}

/** @param folder of the executor; the shared folders must be on the same disk as the runners' places */
export function openSharedFolders(folder: string): SharedFolders {
  const store = join(folder, "shared");
  rmSync(store, { recursive: true, force: true });
  const homeOf = (key: string): string => {
    if (!/^[0-9a-f-]{1,64}$/i.test(key))
      throw new TypeError(`${JSON.stringify(key)} is no id: shared folders are named by ids`);
    return join(store, key);
  };
  return {
    enter({ work, place }, key) {
      const home = homeOf(key);
      mkdirSync(home, { recursive: true, mode: 0o700 });
      const run = join(place.work, "run");
      const there = join(place.work, "shared");
      rmSync(there, { recursive: true, force: true });
      rmSync(run, { recursive: true, force: true });
      renameSync(home, there);
      mkdirSync(run, { mode: 0o700 });
      // a link: the working folder is emptied after the job, what the link leads to is not
      symlinkSync("../shared", join(run, "shared"));
      if (place.uid !== null) for (const path of [run, there]) giveTo(path, place.uid);
      return {
        cwd: `${work}/run`,
        leave() {
          if (existsSync(home)) rmSync(there, { recursive: true, force: true });
          else if (existsSync(there)) renameSync(there, home);
          rmSync(run, { recursive: true, force: true });
        },
      };
    },
    forget: (key) => rmSync(homeOf(key), { recursive: true, force: true }),
  };
}

function giveTo(folder: string, uid: number): void {
  chownSync(folder, uid, uid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveTo(path, uid);
    else if (entry.isFile()) chownSync(path, uid, uid);
  }
}
