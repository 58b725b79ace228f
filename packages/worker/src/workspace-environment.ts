import { createCache, named, sql, type Bus, type Database } from "@towermill/store";

/** The environment variables that the settings of a workspace give to its jobs, by the workspace's id. */
export type WorkspaceEnvironment = (workspace: string) => Promise<Record<string, string>>;

/** Names that are the platform's: a workspace cannot change what jobs are told by them. */
const reserved = /^(WM_.*|BASE_URL|BASE_INTERNAL_URL|PATH|HOME)$/;

/** Reads them as they are used, and keeps them until the settings change. */
export function createWorkspaceEnvironment({ db, bus }: { db: Database; bus: Bus }): WorkspaceEnvironment {
  const cache = createCache<Record<string, string>>({
    bus,
    name: "workspace",
    async load(workspace) {
      const row = await db.maybe<{ variables: Record<string, string> | null }>(
        named(
          "workspace_environment",
          sql`select settings -> 'environment_variables' as variables from workspace where id = ${workspace}`,
        ),
      );
      return Object.fromEntries(Object.entries(row?.variables ?? {}).filter(([name]) => !reserved.test(name)));
    },
  });
  return (workspace) => cache.get(workspace);
}
