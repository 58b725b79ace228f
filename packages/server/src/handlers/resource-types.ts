import { ApiError, notFound, type Member, type resourceTypesOperations } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import { jsonText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { patternsOf } from "../http/item.ts";
import { composeJson, jsonList, memberText } from "../http/verbatim.ts";
import { visible } from "../http/visibility.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { builtInTypes } from "./resource-types-built-in.ts";

type Ops = typeof resourceTypesOperations;
type CallOf<Id extends string> = Call<Extract<Ops[number], { id: Id }>>;

interface TypeRow {
  workspace_id: string;
  name: string;
  schema: string | null;
  description: string | null;
  display_name: string | null;
  format_extension: string | null;
  is_fileset: boolean | null;
  created_by: string | null;
  edited_at: Date | null;
}

const builtIn: readonly TypeRow[] = builtInTypes.map((type) => ({
  ...type,
  workspace_id: "admins",
  display_name: null,
  format_extension: null,
  is_fileset: null,
  created_by: null,
  edited_at: null,
}));

function typeJson({ schema, ...fields }: TypeRow): string {
  return composeJson(fields, { schema });
}

/** Types of the workspace, then those of `admins`, which every workspace sees, then built-in ones; one per name. */
async function typesSeen(db: Queryable, workspace: string, condition: Sql = sql`true`): Promise<TypeRow[]> {
  return db.query<TypeRow>(sql`
    select distinct on (name) workspace_id, name, schema, description, display_name, format_extension, is_fileset, created_by, edited_at
    from resource_type where workspace_id in (${workspace}, 'admins') and ${condition}
    order by name, workspace_id = 'admins'`);
}

async function allTypes(db: Queryable, workspace: string): Promise<TypeRow[]> {
  const rows = await typesSeen(db, workspace);
  const names = new Set(rows.map((row) => row.name));
  return [...rows, ...builtIn.filter((type) => !names.has(type.name))].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function findType(db: Queryable, workspace: string, name: string): Promise<TypeRow | undefined> {
  const [row] = await typesSeen(db, workspace, sql`name = ${name}`);
  return row ?? builtIn.find((type) => type.name === name);
}

const kindOf = { create: "Created", update: "Updated", delete: "Delete" } as const;

async function note(tx: Queryable, member: Member, what: { verb: keyof typeof kindOf; name: string }): Promise<void> {
  const { workspace, username } = member;
  const operation = `resource_types.${what.verb}`;
  await audit(tx, { workspace, username, operation, actionKind: kindOf[what.verb], resource: what.name });
}

function readers({ db }: Services) {
  return {
    async getResourceType({ member, params }: CallOf<"getResourceType">) {
      const row = await findType(db, member.workspace, params.path);
      if (!row) throw notFound("Resource type", params.path);
      return jsonText(typeJson(row));
    },
    existsResourceType: async ({ member, params }: CallOf<"existsResourceType">) =>
      (await findType(db, member.workspace, params.path)) !== undefined,
    listResourceType: async ({ member }: CallOf<"listResourceType">) =>
      jsonList((await allTypes(db, member.workspace)).map(typeJson)),
    listResourceTypeNames: async ({ member }: CallOf<"listResourceTypeNames">) =>
      (await allTypes(db, member.workspace)).map((row) => row.name),
    async listResourceCountsByType({ member, caller }: CallOf<"listResourceCountsByType">) {
      const shown = visible(member, patternsOf(caller, "resources"), { path: sql`path`, extraPerms: sql`extra_perms` });
      return db.query<{ resource_type: string; count: number }>(sql`
        select resource_type, count(*)::int as count from resource
        where workspace_id = ${member.workspace} and ${shown} group by resource_type order by resource_type`);
    },
    async fileResourceTypeToFileExtMap({ member }: CallOf<"fileResourceTypeToFileExtMap">) {
      const rows = await typesSeen(db, member.workspace, sql`(format_extension is not null or is_fileset)`);
      return Object.fromEntries(
        rows.map((row) => [row.name, { format_extension: row.format_extension, is_fileset: row.is_fileset ?? false }]),
      );
    },
  };
}

/** Resource types: what a resource's value looks like. */
export function resourceTypesHandlers(services: Services): Handlers<Ops> {
  const { db } = services;
  return {
    ...readers(services),
    async createResourceType(call) {
      const { body, member } = call;
      await db.transaction(async (tx) => {
        const written = await tx.execute(sql`
          insert into resource_type (workspace_id, name, schema, description, display_name, format_extension, is_fileset, created_by)
          values (${member.workspace}, ${body.name}, ${memberText(call.bodyText, "schema") ?? null}, ${body.description},
            ${body.display_name}, ${body.format_extension}, ${body.is_fileset}, ${member.username})
          on conflict do nothing`);
        if (written === 0) throw new ApiError("already_exists", `Resource type ${body.name} already exists`);
        await note(tx, member, { verb: "create", name: body.name });
      });
      return `resource_type ${body.name} created`;
    },
    async updateResourceType(call) {
      const { body, member, params } = call;
      const schema = memberText(call.bodyText, "schema");
      const set = (column: string, value: unknown): Sql =>
        value === undefined ? sql.empty : sql`, ${sql.ident(column)} = ${value}`;
      await db.transaction(async (tx) => {
        const written = await tx.execute(sql`
          update resource_type set edited_at = now() ${schema === undefined ? sql.empty : sql`, schema = ${schema}::json`}
            ${set("description", body.description)} ${set("display_name", body.display_name)}
            ${set("format_extension", body.format_extension)} ${set("is_fileset", body.is_fileset)}
          where workspace_id = ${member.workspace} and name = ${params.path}`);
        if (written === 0) throw notFound("Resource type", params.path);
        await note(tx, member, { verb: "update", name: params.path });
      });
      return `resource_type ${params.path} updated`;
    },
    async deleteResourceType({ member, params }) {
      await db.transaction(async (tx) => {
        const deleted = await tx.execute(
          sql`delete from resource_type where workspace_id = ${member.workspace} and name = ${params.path}`,
        );
        if (deleted === 0) throw notFound("Resource type", params.path);
        await note(tx, member, { verb: "delete", name: params.path });
      });
      return `resource_type ${params.path} deleted`;
    },
  };
}
