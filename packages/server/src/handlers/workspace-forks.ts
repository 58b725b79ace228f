import { ApiError, notFound, type workspaceForksOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import { compareFork, rebaseFork, type ItemDifference, type Pair } from "../forks/compare.ts";
import { createFork } from "../forks/fork.ts";
import { memberIn } from "../http/access.ts";
import type { Call, Handlers } from "../http/call.ts";
import { unrestrictedAccountOf } from "../identity/actor.ts";
import type { Authentication } from "../identity/authentication.ts";
import type { Services } from "../services.ts";
import { requireForkingAllowed } from "./protection-rules-check.ts";

type ForkCall = Pick<Call<(typeof workspaceForksOperations)[number]>, "caller" | "member">;

function hiddenOf(differences: readonly ItemDifference[], side: "ahead" | "behind") {
  const by_kind: Record<string, number> = {};
  for (const difference of differences) {
    if (difference[side] > 0) by_kind[difference.kind] = (by_kind[difference.kind] ?? 0) + 1;
  }
  return { total: Object.values(by_kind).reduce((sum, number) => sum + number, 0), by_kind };
}

function summaryOf(differences: readonly ItemDifference[]) {
  const changed = (matches: (kind: string) => boolean): number =>
    differences.filter(({ kind }) => matches(kind)).length;
  const is = (...kinds: string[]) => changed((kind) => kinds.includes(kind));
  return {
    total_diffs: differences.length,
    total_ahead: differences.filter(({ ahead }) => ahead > 0).length,
    total_behind: differences.filter(({ behind }) => behind > 0).length,
    scripts_changed: is("script"),
    flows_changed: is("flow"),
    apps_changed: is("app", "raw_app"),
    resources_changed: is("resource"),
    variables_changed: is("variable"),
    resource_types_changed: is("resource_type"),
    folders_changed: is("folder"),
    schedules_changed: is("schedule"),
    triggers_changed: changed((kind) => kind.endsWith("_trigger")),
    conflicts: differences.filter(({ ahead, behind }) => ahead > 0 && behind > 0).length,
  };
}

function comparisonOf(skipped: boolean, shown: readonly ItemDifference[], hidden: readonly ItemDifference[]) {
  const [hidden_ahead, hidden_behind] = [hiddenOf(hidden, "ahead"), hiddenOf(hidden, "behind")];
  return {
    all_ahead_items_visible: hidden_ahead.total === 0,
    all_behind_items_visible: hidden_behind.total === 0,
    skipped_comparison: skipped,
    diffs: [...shown],
    summary: summaryOf(shown),
    hidden_ahead,
    hidden_behind,
  };
}

/**
 * Forks of a workspace. Whoever makes one becomes its admin, so it holds nothing that they may not read in the parent.
 * Reading two workspaces and their secrets is more than a narrowed token is for.
 */
export function workspaceForksHandlers(
  services: Services,
  auth: Authentication,
): Handlers<typeof workspaceForksOperations> {
  const { db } = services;
  /** The caller in the parent and in the fork; `null` when the other workspace is no fork of this one. */
  const pairOf = async ({ caller, member }: ForkCall, id: string): Promise<Pair | null> => {
    unrestrictedAccountOf(caller);
    const fork = await memberIn(auth, caller, id);
    if (!fork) throw notFound("Workspace", id);
    if (fork.isOperator && !fork.isAdmin) throw new ApiError("forbidden", `Requires the role developer in ${id}`);
    const row = await db.maybe<{ parent: string | null }>(
      sql`select parent_workspace_id as parent from workspace where id = ${id}`,
    );
    return row?.parent === member.workspace ? { parent: member, fork } : null;
  };
  return {
    async createWorkspaceForkGitBranch({ caller, member }) {
      unrestrictedAccountOf(caller);
      await requireForkingAllowed(db, member);
      return [];
    },
    async createWorkspaceFork({ caller, member, body }) {
      unrestrictedAccountOf(caller);
      await requireForkingAllowed(db, member);
      if (body.forked_datatables && body.forked_datatables.length > 0)
        throw new ApiError("bad_request", "body.forked_datatables: databases are not copied by this version");
      await createFork(services, member, body);
      return `Created forked workspace ${body.id}`;
    },
    async compareWorkspaces(call) {
      const pair = await pairOf(call, call.params.target_workspace_id);
      if (!pair) return comparisonOf(true, [], []);
      const { shown, hidden } = await compareFork(services, pair);
      return comparisonOf(false, shown, hidden);
    },
    async resetDiffTally(call) {
      const id = call.params.fork_workspace_id;
      const pair = await pairOf(call, id);
      if (!pair) throw new ApiError("bad_request", `${id} is no fork of ${call.member.workspace}`);
      await rebaseFork(services, pair);
      return {};
    },
  };
}
