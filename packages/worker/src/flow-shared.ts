import type { ClaimedJob } from "@towermill/queue";
import type { Executor } from "@towermill/runtimes";
import type { Bus } from "@towermill/store";

/** The folders that steps of flows on one worker share, until their flows end. */
export interface SharedFolders {
  use(job: ClaimedJob): void;
  /** Removes folders of flows that end. The result stops it. */
  follow(bus: Bus): () => void;
}

/** The key of a job's `./shared`: the flow at the top. */
export function sharedKeyOf({ options, rootJob, parentJob }: ClaimedJob): string | undefined {
  return options.flow?.shared ? (rootJob ?? parentJob ?? undefined) : undefined;
}

export function createSharedFolders({ executor }: { executor: Executor }): SharedFolders {
  const used = new Set<string>();
  return {
    use(job) {
      const key = sharedKeyOf(job);
      if (key !== undefined) used.add(key);
    },
    follow: (bus) =>
      bus.subscribe("done", (ids) => {
        for (const id of ids) if (used.delete(id)) executor.forgetShared(id);
      }),
  };
}
