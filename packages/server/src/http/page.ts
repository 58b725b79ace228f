import { sql, type Sql } from "@towermill/store";
import { headerOf } from "./socket.ts";

interface Page {
  page?: number | undefined;
  per_page?: number | undefined;
}

/**
 * `limit … offset …` for a list: pages count from 1 (0 is the first too). The official CLI counts from 0 on the lists
 * of scripts, flows, apps, resources and accounts, and only there: those pass the request.
 */
export function limitTo(query: Page, { request, perPage = 1000 }: { request?: Request; perPage?: number } = {}): Sql {
  const fromZero = (request && headerOf(request, "x-windmill-client")) === "cli";
  const size = query.per_page ?? perPage;
  const page = fromZero ? (query.page ?? 0) : Math.max((query.page ?? 1) - 1, 0);
  return sql`limit ${size} offset ${Math.min(page * size, Number.MAX_SAFE_INTEGER)}::bigint`;
}
