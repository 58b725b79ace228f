import type { favoritesOperations } from "@towermill/contract";
import { sql } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import type { Services } from "../services.ts";

/** Favourites: each member's own, by kind and path; a favourite grants nothing. */
export function favoritesHandlers({ db }: Services): Handlers<typeof favoritesOperations> {
  return {
    async star({ body, member }) {
      await db.execute(sql`
        insert into favorite (workspace_id, username, kind, path)
        values (${member.workspace}, ${member.username}, ${body.favorite_kind}, ${body.path}) on conflict do nothing`);
      return `starred ${body.path}`;
    },
    async unstar({ body, member }) {
      await db.execute(sql`
        delete from favorite where workspace_id = ${member.workspace} and username = ${member.username}
          and kind = ${body.favorite_kind} and path = ${body.path}`);
      return `unstarred ${body.path}`;
    },
  };
}
