import { createCache, sql } from "@towermill/store";
import type { Services } from "../services.ts";

/** Looks up what address an access token was made for (RFC 8707); `null` for tokens made otherwise. */
export function createAudiences({
  db,
  bus,
}: Pick<Services, "db" | "bus">): (tokenHash: Buffer) => Promise<string | null> {
  const cache = createCache<string | null>({
    bus,
    name: "token-audience",
    maximumAgeMs: 60_000,
    async load(hash) {
      const row = await db.maybe<{ resource: string }>(sql`
        select g.resource from oauth_token t join oauth_grant g on g.id = t.grant_id where t.hash = ${Buffer.from(hash, "hex")}`);
      return row?.resource ?? null;
    },
  });
  return (tokenHash) => cache.get(tokenHash.toString("hex"));
}
