import {
  ApiError,
  notFound,
  type Member,
  type OperationSpec,
  type protectionRulesOperations,
} from "@towermill/contract";
import { isUniqueViolation, sql } from "@towermill/store";
import type { AnyHandler, Route } from "../http/app.ts";
import type { Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { requireDeployer } from "./protection-rules-check.ts";

interface RuleRow {
  workspace_id: string;
  name: string;
  rules: string[];
  bypass_groups: string[];
  bypass_users: string[];
}

const deployed = new Set(["scripts", "flows", "apps", "raw_apps", "schedules", "native_triggers"]);
const notDeployments = new Set([
  "storeRawScriptTemp",
  "diffRawScriptsWithDeployed",
  "updateScriptHistory",
  "updateAppHistory",
]);

function deploys(op: OperationSpec): boolean {
  if (op.scope?.action !== "write" || op.method === "GET" || op.readsOnly || notDeployments.has(op.id)) return false;
  return deployed.has(op.scope.domain) || op.scope.domain.endsWith("_triggers");
}

/** The same routes, of which those that change scripts, flows, apps, schedules or triggers obey the protection rules. */
export function guardDeployments({ db }: Services, routes: readonly Route[]): Route[] {
  return routes.map((route) => {
    if (!deploys(route.operation)) return route;
    const handle: AnyHandler = async (call) => {
      if (call.member) await requireDeployer(db, call.member);
      return route.handle(call);
    };
    return { ...route, handle };
  });
}

/** Restrictions of the workspace. */
export function protectionRulesHandlers({ db }: Services): Handlers<typeof protectionRulesOperations> {
  const note = async ({ workspace, username }: Member, name: string, verb: "create" | "update" | "delete") => {
    const actionKind = verb === "create" ? "Created" : verb === "update" ? "Updated" : "Delete";
    await audit(db, { workspace, username, operation: `protection_rules.${verb}`, actionKind, resource: name });
  };
  const taken = (name: string) => (error: unknown) => {
    throw isUniqueViolation(error) ? new ApiError("already_exists", `Protection rule ${name} already exists`) : error;
  };
  return {
    listProtectionRules: ({ member }) =>
      db.query<RuleRow & object>(sql`
        select name, workspace_id, rules, bypass_groups, bypass_users from protection_rule
        where workspace_id = ${member.workspace} order by name`),
    async createProtectionRule({ member, body: { name, rules, bypass_groups, bypass_users } }) {
      await db
        .execute(
          sql`
        insert into protection_rule (workspace_id, name, rules, bypass_groups, bypass_users)
        values (${member.workspace}, ${name}, ${rules}, ${bypass_groups}, ${bypass_users})`,
        )
        .catch(taken(name));
      await note(member, name, "create");
      return `protection rule ${name} created`;
    },
    async updateProtectionRule({ member, params: { rule_name }, body }) {
      const name = body.name ?? rule_name;
      const written = await db
        .execute(
          sql`
        update protection_rule set name = ${name}, rules = ${body.rules}, bypass_groups = ${body.bypass_groups},
          bypass_users = ${body.bypass_users}
        where workspace_id = ${member.workspace} and name = ${rule_name}`,
        )
        .catch(taken(name));
      if (written === 0) throw notFound("Protection rule", rule_name);
      await note(member, name, "update");
      return `protection rule ${name} updated`;
    },
    async deleteProtectionRule({ member, params: { rule_name } }) {
      const deleted = await db.execute(
        sql`delete from protection_rule where workspace_id = ${member.workspace} and name = ${rule_name}`,
      );
      if (deleted === 0) throw notFound("Protection rule", rule_name);
      await note(member, rule_name, "delete");
      return `protection rule ${rule_name} deleted`;
    },
  };
}
