import { ApiError, scopesAllow, type exportOperations, type ExportQuery } from "@towermill/contract";
import type { Entry } from "@towermill/workspace-files";
import type { Call, Handlers } from "../http/call.ts";
import { scopesOf } from "../http/item.ts";
import { audit } from "../identity/audit.ts";
import type { Services } from "../services.ts";
import { itemEntries, requireReadableSecrets } from "./export-items.ts";
import type { Reader } from "./export-read.ts";
import { tar } from "./export-tar.ts";
import { workspaceEntries } from "./export-workspace.ts";
import { zip } from "./export-zip.ts";

type Ops = typeof exportOperations;
type ExportCall = Call<Ops[number]>;

const archives = {
  zip: { write: zip, type: "application/zip" },
  tar: { write: tar, type: "application/x-tar" },
} as const;

function requireMay({ member, caller }: ExportCall, query: ExportQuery): void {
  const forAdmins = (["include_users", "include_settings", "include_key"] as const).find((name) => query[name]);
  if (forAdmins && !member.isAdmin) {
    throw new ApiError("forbidden", `${forAdmins}: only admins of ${member.workspace} may export this`);
  }
  const scopes = scopesOf(caller);
  // The key opens every secret of the workspace.
  if (query.include_key && scopes !== null) {
    throw new ApiError("forbidden", "include_key: a token with scopes cannot be used for this");
  }
  const secrets = secretsWanted(query);
  if (secrets && !scopesAllow(scopes, { domain: "variables", action: "read" })) {
    throw new ApiError("missing_scope", "plain_secret: Access denied. Required scope: variables:read");
  }
  if (secrets && member.isOperator && !member.isAdmin) {
    throw new ApiError("forbidden", "plain_secret: operators may not export secrets");
  }
}

async function* entries(services: Services, reader: Reader, query: ExportQuery): AsyncGenerator<Entry> {
  try {
    yield* itemEntries(services, reader, query);
    yield* workspaceEntries(services, reader, query);
  } catch (error) {
    services.log.error({ err: error, workspace: reader.member.workspace }, "an export was broken off");
    throw error;
  }
}

function secretsWanted(query: ExportQuery): boolean {
  return Boolean(query.plain_secret ?? query.plain_secrets) && !query.skip_variables && !query.skip_secrets;
}

/** The whole workspace as files, as far as the caller may read it; written while it is read. */
export function exportHandlers(services: Services): Handlers<Ops> {
  return {
    async exportWorkspace(call) {
      const { query, member, caller } = call;
      const wanted = query.archive_type ?? "tar";
      const archive = wanted === "zip" || wanted === "tar" ? archives[wanted] : null;
      // The official CLI looks for these words before it asks for a tar instead.
      if (!archive)
        throw new ApiError("bad_request", `Invalid Archive Type: ${wanted.slice(0, 50)}, expected zip or tar`);
      requireMay(call, query);
      const reader = { db: services.db, member, caller };
      if (secretsWanted(query)) await requireReadableSecrets(services, reader);
      const { workspace, username } = member;
      const parameters = {
        ...(query.plain_secret || query.plain_secrets ? { plain_secret: true } : {}),
        ...(query.include_key ? { include_key: true } : {}),
      };
      await audit(services.db, {
        workspace,
        username,
        operation: "workspaces.export",
        actionKind: "Execute",
        parameters,
      });
      const bytes = archive.write(entries(services, reader, query));
      return new Response(ReadableStream.from(bytes) as ReadableStream, {
        headers: {
          "content-type": archive.type,
          "content-disposition": `attachment; filename="${workspace}.${wanted}"`,
        },
      });
    },
  };
}
