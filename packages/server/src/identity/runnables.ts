import { ApiError } from "@towermill/contract";
import { loadMember } from "@towermill/runnable";
import { sql, type Sql } from "@towermill/store";
import { visible } from "../http/visibility.ts";
import { patternsOf } from "../http/item.ts";
import type { Services } from "../services.ts";
import type { Caller } from "./caller.ts";

export interface Runnable {
  workspace: string;
  endpoint_async: string;
  endpoint_sync: string;
  summary: string;
  description?: string;
  kind: string;
}

const mostPerWorkspace = 1000;

interface RunnableRow {
  kind: "script" | "flow";
  path: string;
  summary: string;
  description: string;
}

/** Scripts and flows a caller may run in all workspaces the caller is a member of, with the addresses to run them. */
export async function runnablesOf({ db, baseUrl }: Services, caller: Caller): Promise<Runnable[]> {
  if (caller.kind === "anonymous") throw new ApiError("unauthorized", "Unauthorized");
  const email = caller.kind === "job" ? caller.member.email : caller.account.email;
  const bound = caller.kind === "job" ? caller.member.workspace : caller.tokenWorkspace;
  const rows = await db.query<{ workspace_id: string }>(sql`
    select workspace_id from member where email = ${email} and not disabled
      and (${bound}::text is null or workspace_id = ${bound}) order by workspace_id`);
  const found: Runnable[] = [];
  for (const { workspace_id: workspace } of rows) {
    const member = caller.kind === "job" ? caller.member : await loadMember(db, email, workspace);
    if (!member) continue;
    const mayRead = (domain: "scripts" | "flows"): Sql =>
      visible(member, patternsOf(caller, domain), { path: sql`path`, extraPerms: sql`extra_perms` });
    const runnables = await db.query<RunnableRow>(sql`
      select 'script' as kind, path, summary, description from script
      where workspace_id = ${workspace} and not archived and not deleted and kind = 'script' and ${mayRead("scripts")}
      union all
      select 'flow', path, summary, description from flow
      where workspace_id = ${workspace} and not archived and not draft_only and ${mayRead("flows")}
      order by path, kind limit ${mostPerWorkspace}`);
    const base = `${baseUrl}/api/w/${workspace}/jobs`;
    for (const { kind, path, summary, description } of runnables) {
      const target = `${kind === "flow" ? "f" : "p"}/${path}`;
      found.push({
        workspace,
        endpoint_async: `${base}/run/${target}`,
        endpoint_sync: `${base}/run_wait_result/${target}`,
        summary,
        ...(description === "" ? {} : { description }),
        kind,
      });
    }
  }
  return found;
}
