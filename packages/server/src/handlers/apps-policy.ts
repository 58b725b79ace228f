import { ApiError, jsonMembers, jsonObject, type Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";

const executionModes = ["viewer", "publisher", "guest", "anonymous"];

interface PolicyChange {
  /** The policy as it was sent, JSON text; `undefined` when none was. */
  sent: string | undefined;
  /** The present one, when the app exists. */
  before: string | null;
  keepsIdentity: boolean;
}

async function identityIn(
  db: Queryable,
  member: Member,
  { policy, keepsIdentity }: { policy: Map<string, string>; keepsIdentity: boolean },
): Promise<[string, string]> {
  const own: [string, string] = [`u/${member.username}`, member.email];
  const sent: unknown = JSON.parse(policy.get("on_behalf_of") ?? "null");
  if (!keepsIdentity || typeof sent !== "string" || sent === own[0]) return own;
  if (!member.isAdmin && !member.groups.includes("wm_deployers")) return own;
  if (sent.startsWith("g/")) return [sent, `group-${sent.slice(2)}@windmill.dev`];
  const row = await db.maybe<{ email: string }>(sql`
    select email from member where workspace_id = ${member.workspace} and username = ${sent.slice(2)} and not disabled`);
  if (!row) throw new ApiError("bad_request", `policy.on_behalf_of: ${sent} is no member of ${member.workspace}`);
  return [sent, row.email];
}

/**
 * The policy to store: what was sent, with the execution mode of before where none is named (`publisher` at first), and
 * on behalf of whoever deploys, unless an admin or a member of `wm_deployers` keeps the identity that the policy names.
 * @throws ApiError `bad_request`
 */
export async function policyToStore(
  db: Queryable,
  member: Member,
  { sent, before, keepsIdentity }: PolicyChange,
): Promise<string> {
  if (sent === undefined || sent === "null") {
    if (before !== null) return before;
    return policyToStore(db, member, { sent: "{}", before, keepsIdentity });
  }
  const policy = jsonMembers(sent);
  const earlier = before === null ? undefined : jsonMembers(before).get("execution_mode");
  const mode = policy.get("execution_mode") ?? earlier ?? '"publisher"';
  if (!executionModes.includes(String(JSON.parse(mode)))) {
    throw new ApiError(
      "bad_request",
      `policy.execution_mode: ${mode.slice(0, 80)} is none of ${executionModes.join(", ")}`,
    );
  }
  const [onBehalfOf, email] = await identityIn(db, member, { policy, keepsIdentity });
  return jsonObject(
    [
      ...policy,
      ["execution_mode", mode] as const,
      ["on_behalf_of", JSON.stringify(onBehalfOf)] as const,
      ["on_behalf_of_email", JSON.stringify(email)] as const,
    ].reduce((all, [name, text]) => all.set(name, text), new Map<string, string>()),
  );
}
