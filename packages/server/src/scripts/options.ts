import { ApiError, type Member, type NewScript } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

/** The fields of a script that live in its `options`, in the order of the API's documentation. */
const optionNames = [
  "tag",
  "envs",
  "concurrent_limit",
  "concurrency_time_window_s",
  "concurrency_key",
  "debounce_key",
  "debounce_delay_s",
  "debounce_args_to_accumulate",
  "max_total_debouncing_time",
  "max_total_debounces_amount",
  "cache_ttl",
  "cache_ignore_s3_path",
  "dedicated_worker",
  "ws_error_handler_muted",
  "priority",
  "restart_unless_cancelled",
  "timeout",
  "delete_after_secs",
  "visible_to_runner_only",
  "auto_kind",
  "codebase",
  "has_preprocessor",
  "modules",
  "labels",
  "assets",
] as const satisfies readonly (keyof NewScript)[];

type Options = Record<string, unknown>;

/** What was set of the rare fields; unset ones are absent. `on_behalf_of` is decided apart, see {@link onBehalfOf}. */
export function givenOptions(script: NewScript): Options {
  const given = optionNames.map((name) => [name, script[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== null));
}

/** What a deployment says about whom the item runs as. */
type BehalfFields = Pick<NewScript, "on_behalf_of" | "on_behalf_of_email" | "preserve_on_behalf_of">;

interface Identity {
  on_behalf_of: string;
  on_behalf_of_email: string;
}

async function identityNamed(
  db: Queryable,
  workspace: string,
  { on_behalf_of: who, on_behalf_of_email: email }: BehalfFields,
): Promise<Identity> {
  if (who?.startsWith("g/"))
    return { on_behalf_of: who, on_behalf_of_email: email ?? `group-${who.slice(2)}@windmill.dev` };
  const username = who?.replace(/^u\//, "") ?? null;
  const row = await db.maybe<{ username: string; email: string }>(sql`
    select username, email from member
    where workspace_id = ${workspace} and not disabled
      and (${username}::text is null or username = ${username} or email = ${username})
      and (${email ?? null}::text is null or email = ${email ?? null})`);
  if (!row) {
    throw new ApiError(
      "bad_request",
      `on_behalf_of: ${[who, email].filter(Boolean).join(" and ")} names no member of ${workspace}`,
    );
  }
  return { on_behalf_of: `u/${row.username}`, on_behalf_of_email: row.email };
}

/**
 * Whom a script or flow runs as, if it says so: the deployer, unless an admin or a member of `wm_deployers` asks to keep another.
 * @throws ApiError `bad_request` when the identity names nobody, or name and address disagree
 */
export async function onBehalfOf(db: Queryable, member: Member, script: BehalfFields): Promise<Options> {
  if (!script.on_behalf_of && !script.on_behalf_of_email) return {};
  const mayKeep = member.isAdmin || member.groups.includes("wm_deployers");
  if (script.preserve_on_behalf_of && mayKeep) return { ...(await identityNamed(db, member.workspace, script)) };
  return { on_behalf_of: `u/${member.username}`, on_behalf_of_email: member.email };
}
