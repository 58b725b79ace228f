import { notFound, type sharedUiOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";

interface SharedUi {
  files: Record<string, string>;
  version: number;
  edited_at: string;
  edited_by: string;
}

export function sharedUiHandlers({ db, clock }: Services): Handlers<typeof sharedUiOperations> {
  const read = async (workspace: string): Promise<SharedUi> => {
    const row = await db.maybe<{ shared: SharedUi | null }>(
      sql`select settings -> 'shared_ui' as shared from workspace where id = ${workspace}`,
    );
    if (!row?.shared) throw notFound("Shared UI", workspace);
    return row.shared;
  };
  return {
    getSharedUi: ({ params }) => read(params.workspace),
    async listSharedUi({ params }) {
      const { files, ...rest } = await read(params.workspace);
      const sizes = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.byteLength(text)]));
      return { paths: Object.keys(files), sizes, ...rest };
    },
    async getSharedUiVersion({ params }) {
      const row = await db.one<{ version: number | null }>(
        sql`select (settings -> 'shared_ui' ->> 'version')::int as version from workspace where id = ${params.workspace}`,
      );
      return { version: row.version ?? 0 };
    },
    async updateSharedUi({ member: { workspace, username }, body }) {
      const shared = { files: body.files, edited_at: clock.now().toISOString(), edited_by: username };
      await db.execute(sql`
        update workspace set settings = settings || jsonb_build_object('shared_ui', ${sql.json(shared)}::jsonb
          || jsonb_build_object('version', coalesce((settings -> 'shared_ui' ->> 'version')::int, 0) + 1))
        where id = ${workspace}`);
      await audit(db, {
        workspace,
        username,
        operation: "workspaces.update",
        actionKind: "Updated",
        resource: "shared_ui",
      });
      return "shared ui updated";
    },
  };
}
