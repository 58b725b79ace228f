import { allowed, scopesAllow, type Member } from "@towermill/contract";
import { sql } from "@towermill/store";
import { testDatabase } from "@towermill/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { visible } from "./visibility.ts";

const { db } = await testDatabase();
const name = fc.constantFrom("a", "b", "a_", "a%", "ab", "A", "a\\", "x.y");
const path = fc.tuple(fc.constantFrom("u", "f", "g", "x"), name, name).map((parts) => parts.join("/"));
const acl = fc.dictionary(
  fc.tuple(fc.constantFrom("u", "g"), name).map((parts) => parts.join("/")),
  fc.boolean(),
  { maxKeys: 3 },
);
const member: fc.Arbitrary<Member> = fc.record({
  workspace: fc.constant("w"),
  email: fc.constant("a@example.com"),
  username: name,
  isAdmin: fc.boolean(),
  isOperator: fc.boolean(),
  groups: fc.array(name, { maxLength: 2 }),
  foldersRead: fc.array(name, { maxLength: 2 }),
  foldersWrite: fc.constant([]),
  foldersOwned: fc.constant([]),
});
const patterns = fc.option(
  fc.array(
    fc.oneof(
      path,
      path.map((p) => `${p}/*`),
      name.map((n) => `u/${n}/*`),
      fc.constant("*"),
    ),
    { maxLength: 2 },
  ),
);

test("lists show exactly what may be read one by one, whoever asks and whatever the names", async () => {
  const check = async (
    who: Member,
    narrowed: string[] | null,
    items: [string, Record<string, boolean>][],
  ): Promise<void> => {
    const rows = await db.query<{ path: string }>(sql`
      select t.path from unnest(${items.map(([p]) => p)}::text[], ${items.map(([, a]) => JSON.stringify(a))}::jsonb[]) as t (path, acl)
      where ${visible(who, narrowed, { path: sql`t.path`, extraPerms: sql`t.acl` })}`);
    const scopes = narrowed?.map((pattern) => `scripts:read:${pattern}`) ?? null;
    const expected = items.filter(
      ([p, a]) => allowed(who, "read", p, a) && scopesAllow(scopes, { domain: "scripts", action: "read", path: p }),
    );
    expect(rows.map((row) => row.path)).toEqual(expected.map(([p]) => p));
  };
  await fc.assert(
    fc.asyncProperty(member, patterns, fc.array(fc.tuple(path, acl), { minLength: 1, maxLength: 15 }), check),
    { numRuns: 300 },
  );
});
