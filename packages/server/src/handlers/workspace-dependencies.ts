import { notFound, type Member, type workspaceDependenciesOperations } from "@towermill/contract";
import { sql, type Queryable, type Sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";

export interface DependenciesRow {
  id: number;
  workspace_id: string;
  language: string;
  /** `""` = the default of the language. */
  name: string;
  description: string | null;
  content: string;
  archived: boolean;
  created_at: Date;
}

const columns = sql`id, workspace_id, language, name, description, content, archived, created_at`;

function shown({ name, description, created_at, ...fields }: DependenciesRow) {
  return {
    ...fields,
    ...(name === "" ? {} : { name }),
    ...(description === null ? {} : { description }),
    created_at: created_at.toISOString(),
  };
}

/** The shared dependencies of a workspace that are in use. */
export function currentDependencies(db: Queryable, workspace: string): Promise<DependenciesRow[]> {
  return db.query<DependenciesRow>(sql`
    select ${columns} from workspace_dependencies where workspace_id = ${workspace} and not archived order by language, name`);
}

function named(workspace: string, { language, name }: { language: string; name?: string | null | undefined }): Sql {
  return sql`workspace_id = ${workspace} and language = ${language} and name = ${name ?? ""}`;
}

async function note(
  tx: Queryable,
  { workspace, username }: Member,
  what: { verb: "create" | "archive" | "delete"; language: string; name?: string | null | undefined },
): Promise<void> {
  const operation = `workspace_dependencies.${what.verb}`;
  const resource = what.name ? `${what.language}/${what.name}` : what.language;
  await audit(tx, {
    workspace,
    username,
    operation,
    actionKind: what.verb === "create" ? "Created" : "Delete",
    resource,
  });
}

/** Dependencies that scripts of a language share. */
export function workspaceDependenciesHandlers({ db }: Services): Handlers<typeof workspaceDependenciesOperations> {
  return {
    async createWorkspaceDependencies({ member, body }) {
      const { workspace, username } = member;
      const id = await db.transaction(async (tx) => {
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`dependencies ${workspace}`}, 0))`);
        await tx.execute(sql`
          update workspace_dependencies set archived = true where ${named(workspace, body)} and not archived`);
        const row = await tx.one<{ id: number }>(sql`
          insert into workspace_dependencies (workspace_id, language, name, description, content, created_by)
          values (${workspace}, ${body.language}, ${body.name ?? ""}, ${body.description}, ${body.content}, ${username})
          returning id`);
        await note(tx, member, { verb: "create", language: body.language, name: body.name });
        return row.id;
      });
      return String(id);
    },
    async getLatestWorkspaceDependencies({ member, params: { language }, query: { name } }) {
      const row = await db.maybe<DependenciesRow>(sql`
        select ${columns} from workspace_dependencies where ${named(member.workspace, { language, name })} and not archived`);
      if (!row) throw notFound("Workspace dependencies", name === undefined ? language : `${language}/${name}`);
      return shown(row);
    },
    listWorkspaceDependencies: async ({ member }) => (await currentDependencies(db, member.workspace)).map(shown),
    async archiveWorkspaceDependencies({ member, params: { language }, query: { name } }) {
      await db.transaction(async (tx) => {
        const written = await tx.execute(sql`
          update workspace_dependencies set archived = true
          where ${named(member.workspace, { language, name })} and not archived`);
        if (written === 0) throw notFound("Workspace dependencies", name ?? language);
        await note(tx, member, { verb: "archive", language, name });
      });
      return `workspace dependencies of ${language} archived`;
    },
    async deleteWorkspaceDependencies({ member, params: { language }, query: { name } }) {
      await db.transaction(async (tx) => {
        const deleted = await tx.execute(
          sql`delete from workspace_dependencies where ${named(member.workspace, { language, name })}`,
        );
        if (deleted === 0) throw notFound("Workspace dependencies", name ?? language);
        await note(tx, member, { verb: "delete", language, name });
      });
      return `workspace dependencies of ${language} deleted`;
    },
  };
}
